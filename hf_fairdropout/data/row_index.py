"""Numbering the rows of a data set: written down once, before anything is shuffled, filtered or split."""

from typing import TypeVar

import numpy as np
from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict, Value

from .schema import ROW_INDEX

AnyDataset = TypeVar("AnyDataset", Dataset, DatasetDict)


def add_row_index(dataset: AnyDataset) -> AnyDataset:
    """Add the column `row_index`, which numbers the rows from 0; in a DatasetDict each split by itself.

    Call it before `shuffle`, `filter`, `select` or `train_test_split`: the number is data, and survives them.

    Args:
        dataset: A Dataset or DatasetDict without the column.

    Returns:
        The same rows with the column.

    Raises:
        ValueError: If the column is there already.
        TypeError: If the data set is iterable: its rows have no fixed numbers unless they carry them.

    >>> add_row_index(Dataset.from_dict({"text": ["a", "b"]}))["row_index"][:]
    [0, 1]
    """
    if isinstance(dataset, dict) and not isinstance(dataset, IterableDatasetDict):
        return type(dataset)({name: add_row_index(split) for name, split in dataset.items()})
    if isinstance(dataset, (IterableDataset, IterableDatasetDict)):
        raise TypeError(
            "an iterable data set cannot be numbered on the fly, since every worker would count from 0; "
            "write a `row_index` column when the data are stored"
        )
    if ROW_INDEX in dataset.column_names:
        raise ValueError(
            "`row_index` is there already; numbering again would give the rows other neurons. Remove the column first if that is what you want"
        )
    return dataset.add_column(ROW_INDEX, np.arange(len(dataset), dtype=np.int64), feature=Value("int64"))


def check_row_index_column(dataset: Dataset) -> None:
    """Refuse a training split whose row numbers are missing, not whole, negative or not unique.

    Raises:
        ValueError: If they are; the message says which, with an example.
    """
    if ROW_INDEX not in dataset.column_names:
        raise ValueError(
            f"training needs `row_index`, but the data set has {sorted(dataset.column_names)}; add it with add_row_index(dataset) before shuffling"
        )
    row_index = np.asarray(dataset.with_format("numpy", columns=[ROW_INDEX])[:][ROW_INDEX])
    if row_index.dtype.kind not in "iu" or row_index.ndim != 1:
        raise ValueError(
            f"row_index has dtype {row_index.dtype} and shape {row_index.shape}; it is one whole number a row, as add_row_index(dataset) makes it"
        )
    if len(row_index) and row_index.min() < 0:
        raise ValueError(f"row_index holds {row_index.min()}; row numbers run from 0 to 2**63 - 1")
    values, counts = np.unique(row_index, return_counts=True)
    if (counts > 1).any():
        repeated = values[counts > 1]
        raise ValueError(
            f"row_index is not unique: {len(repeated)} numbers stand on several rows, {repeated[0]} among them; number the rows with "
            "add_row_index(dataset) after joining data sets, not before"
        )
