import pytest
from datasets import ClassLabel, Dataset, DatasetDict

from hf_fairdropout import group_dataset

CELLS = {"text": ["a", "b", "c", "d"], "tone": ["good", "bad", "good", "bad"], "loud": [True, False, False, True]}


def test_groups_by_hand():
    data = group_dataset(Dataset.from_dict(CELLS), "tone", "loud")
    assert data.column_names == ["text", "row_index", "label", "attribute", "group"]
    assert data["label"][:] == [1, 0, 1, 0]
    assert data["attribute"][:] == [1, 0, 0, 1]
    assert data["group"][:] == [3, 0, 2, 1]
    assert data.features["group"].names == ["bad/False", "bad/True", "good/False", "good/True"]


def test_without_attribute_the_classes_are_the_groups():
    data = group_dataset(Dataset.from_dict(CELLS), "tone")
    assert data["group"][:] == data["label"][:]
    assert data.features["group"].names == ["bad", "good"]


def test_splits_share_their_classes():
    splits = DatasetDict({"train": Dataset.from_dict({"y": ["b", "c"]}), "test": Dataset.from_dict({"y": ["a", "c"]})})
    data = group_dataset(splits, "y")
    assert data["train"]["label"][:] == [1, 2]
    assert data["test"]["label"][:] == [0, 2]


def test_class_labels_keep_their_names_and_row_index_is_kept():
    data = Dataset.from_dict({"label": [1, 0], "row_index": [7, 9]}).cast_column("label", ClassLabel(names=["cat", "dog"]))
    grouped = group_dataset(data, "label")
    assert grouped["row_index"][:] == [7, 9]
    assert grouped.features["label"].names == ["cat", "dog"]
    assert group_dataset(Dataset.from_dict({"y": [1.0, 0.0, 1.0]}), "y").features["label"].names == ["0", "1"]


@pytest.mark.parametrize(
    ("cells", "label", "attribute", "message"),
    [
        (CELLS, "tune", None, r"label_column='tune' is no column of the data set; it has \['loud', 'text', 'tone'\]"),
        (CELLS, "tone", "lout", "attribute_column='lout'"),
        (CELLS, "tone", "tone", "both 'tone'"),
        ({"y": ["a", None]}, "y", None, "empty in 1 rows, the first is row 1"),
        ({"y": [1.0, float("nan")]}, "y", None, "empty in 1 rows"),
        ({"y": ["a", "b"], "z": [0.0, float("nan")]}, "y", "z", "column 'z' of the data set is empty"),
        ({"y": ["a", "a"]}, "y", None, "one class only, 'a'"),
        ({"y": [0.5, 1.0]}, "y", None, "holds 0.5, which is no class"),
        ({"y": [str(n) for n in range(200)]}, "y", None, "200 different values"),
        ({"y": ["a", "b"], "group": [0, 1]}, "y", None, "already has a column 'group'"),
    ],
)
def test_bad_columns(cells, label, attribute, message):
    with pytest.raises(ValueError, match=message):
        group_dataset(Dataset.from_dict(cells), label, attribute)


def test_codes_outside_the_class_labels():
    data = Dataset.from_dict({"y": [0, -1]}).cast_column("y", ClassLabel(names=["a", "b"]))
    with pytest.raises(ValueError, match="holds -1, but its classes run from 0 to 1"):
        group_dataset(data, "y")
