import numpy as np
import pytest
from datasets import Dataset, DatasetDict, concatenate_datasets

from hf_fairdropout import add_row_index
from hf_fairdropout.data import check_row_index_column


def numbered(rows=10):
    return add_row_index(Dataset.from_dict({"text": [str(n) for n in range(rows)]}))


def test_numbers_survive_shuffle_filter_select_and_split():
    data = numbered().shuffle(seed=1).filter(lambda row: int(row["text"]) % 3 != 0).select([4, 0, 2])
    assert [str(n) for n in data["row_index"]] == data["text"][:]
    parts = numbered().train_test_split(0.3, seed=0)
    assert sorted([*parts["train"]["row_index"], *parts["test"]["row_index"]]) == list(range(10))


def test_each_split_is_numbered_by_itself():
    data = add_row_index(DatasetDict({"train": Dataset.from_dict({"x": [5, 6]}), "test": Dataset.from_dict({"x": [7]})}))
    assert data["train"]["row_index"][:] == [0, 1]
    assert data["test"]["row_index"][:] == [0]
    assert data["train"].features["row_index"].dtype == "int64"


def test_refuses_to_number_again_and_to_number_streams():
    with pytest.raises(ValueError, match="there already"):
        add_row_index(numbered())
    with pytest.raises(TypeError, match="iterable"):
        add_row_index(numbered().remove_columns("row_index").to_iterable_dataset())


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Dataset.from_dict({"label": [0, 1]}), r"needs `row_index`, but the data set has \['label'\]; add it with add_row_index"),
        (Dataset.from_dict({"row_index": [0.0, 1.0]}), "dtype float"),
        (Dataset.from_dict({"row_index": [[0], [1]]}), r"shape \(2, 1\)"),
        (Dataset.from_dict({"row_index": [0, -1]}), "holds -1"),
        (Dataset.from_dict({"row_index": [3, 0, 3]}), "not unique: 1 numbers stand on several rows, 3 among them"),
    ],
)
def test_bad_columns(data, message):
    with pytest.raises(ValueError, match=message):
        check_row_index_column(data)


def test_joined_splits_are_caught():
    with pytest.raises(ValueError, match="after joining"):
        check_row_index_column(concatenate_datasets([numbered(), numbered()]))


def test_good_columns_pass():
    check_row_index_column(numbered().with_format("torch"))
    check_row_index_column(Dataset.from_dict({"row_index": np.array([2**63 - 1, 0])}))
