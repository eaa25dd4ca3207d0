"""Anyone's own Dataset: a label column, and perhaps an attribute column, become labels, attributes and groups."""

from typing import TypeVar

import numpy as np
from datasets import ClassLabel, Dataset, DatasetDict

from .row_index import add_row_index
from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX, GroupNames, with_groups

AnyDataset = TypeVar("AnyDataset", Dataset, DatasetDict)


def group_dataset(dataset_or_dict: AnyDataset, label_column: str, attribute_column: str | None = None) -> AnyDataset:
    """Give any data set the columns row_index, label, attribute and group.

    Args:
        dataset_or_dict: A Dataset, or a DatasetDict whose splits share their columns.
        label_column: Column with the class: ClassLabel, text, whole numbers or booleans. It becomes `label`.
        attribute_column: Column with the attribute, likewise. Without one the classes are the groups.

    Returns:
        The same rows; `row_index` is kept if it is there.

    Raises:
        ValueError: If a column is missing, has an empty cell, or the label has one class only; or if another column has one of our names.

    >>> data = Dataset.from_dict({"text": ["a", "b", "c"], "tone": ["good", "bad", "good"], "negated": [True, False, False]})
    >>> grouped = group_dataset(data, "tone", "negated")
    >>> grouped["group"][:], grouped.features["group"].names
    ([3, 0, 2], ['bad/False', 'bad/True', 'good/False', 'good/True'])
    """
    is_dict = isinstance(dataset_or_dict, dict)
    splits = dict(dataset_or_dict) if is_dict else {"the data set": dataset_or_dict}
    _check_columns(splits, label_column, attribute_column)
    label_names, labels = _encode(splits, label_column)
    if len(label_names) < 2:
        raise ValueError(f"label_column={label_column!r} has one class only, {label_names[0]!r}; a classifier needs two")
    if attribute_column is None:
        attribute_names, attributes = GroupNames(()).attributes, {name: [0] * len(split) for name, split in splits.items()}
    else:
        attribute_names, attributes = _encode(splits, attribute_column)
    names = GroupNames(tuple(label_names), tuple(attribute_names))
    grouped = {}
    for name, split in splits.items():
        split = split if ROW_INDEX in split.column_names else add_row_index(split)
        split = split.remove_columns([column for column in (label_column, attribute_column) if column is not None])
        grouped[name] = with_groups(split, labels[name], attributes[name], names)
    return DatasetDict(grouped) if is_dict else grouped["the data set"]


def _check_columns(splits: dict[str, Dataset], label_column: str, attribute_column: str | None) -> None:
    sources = {"label_column": label_column, "attribute_column": attribute_column}
    for name, split in splits.items():
        for parameter, column in sources.items():
            if column is not None and column not in split.column_names:
                raise ValueError(f"{parameter}={column!r} is no column of {name}; it has {sorted(split.column_names)}")
        clash = {LABEL, ATTRIBUTE, GROUP}.intersection(split.column_names).difference(sources.values())
        if clash:
            raise ValueError(f"{name} already has a column {sorted(clash)[0]!r}, which group_dataset makes; rename or remove it first")
    if label_column == attribute_column:
        raise ValueError(f"label_column and attribute_column are both {label_column!r}; the attribute is another column, or None")


def _encode(splits: dict[str, Dataset], column: str) -> tuple[list[str], dict[str, list[int]]]:
    """Names of the classes of a column, the same over all splits, and the class of each row."""
    values = {name: split.with_format(None)[column][:] for name, split in splits.items()}
    for name, cells in values.items():
        empty = [row for row, cell in enumerate(cells) if cell is None or cell != cell]  # NaN is not itself
        if empty:
            raise ValueError(f"column {column!r} of {name} is empty in {len(empty)} rows, the first is row {empty[0]}; fill or filter them")
    feature = next(iter(splits.values())).features[column]
    if isinstance(feature, ClassLabel):
        _check_class_labels(column, feature, splits, values)
        return feature.names, values
    kinds = sorted({cell for cells in values.values() for cell in cells})
    if any(isinstance(kind, float) and not kind.is_integer() for kind in kinds):
        raise ValueError(
            f"column {column!r} holds {next(k for k in kinds if not k.is_integer())}, which is no class; give text, whole numbers or booleans"
        )
    if len(kinds) > max(100, np.sqrt(sum(map(len, values.values())))):
        raise ValueError(f"column {column!r} has {len(kinds)} different values, too many for classes; is it the right column?")
    code = {kind: number for number, kind in enumerate(kinds)}
    names = [str(int(kind)) if isinstance(kind, float) else str(kind) for kind in kinds]
    return names, {name: [code[cell] for cell in cells] for name, cells in values.items()}


def _check_class_labels(column: str, feature: ClassLabel, splits: dict[str, Dataset], values: dict[str, list[int]]) -> None:
    for name, split in splits.items():
        if split.features[column] != feature:
            raise ValueError(f"column {column!r} of {name} has other classes than the first split: {split.features[column]} against {feature}")
        outside = [cell for cell in values[name] if not 0 <= cell < feature.num_classes]
        if outside:
            raise ValueError(f"column {column!r} of {name} holds {outside[0]}, but its classes run from 0 to {feature.num_classes - 1}")
