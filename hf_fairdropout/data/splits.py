"""From a table of rows to the splits of a benchmark."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from datasets import ClassLabel, Dataset, DatasetDict, DatasetInfo, Features, Image, Value

from .files import MissingFilesError, absent_files
from .images import bad_images
from .resized import resized_folder
from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX, GroupNames

SPLITS = ("train", "validation", "test")
ON_BAD_IMAGE = ("error", "skip")


def text_splits(table: pa.Table, names: GroupNames, texts: Sequence[str]) -> DatasetDict:
    """Splits of a text benchmark.

    Args:
        table: Columns split (0, 1, 2), label, attribute and the texts.
        names: Names of labels and attributes.
        texts: Which columns hold text.

    Returns:
        Train, validation and test; rows are numbered from 0 in each.
    """
    return _splits(table, names, {name: (table[name].cast(pa.string()), Value("string")) for name in texts})


def image_splits(
    table: pa.Table,
    names: GroupNames,
    folder: Path,
    subfolders: Sequence[str] = ("",),
    *,
    image_size: int | None = None,
    check_files: bool = True,
    on_bad_image: str = "error",
) -> DatasetDict:
    """Splits of an image benchmark; images are read when they are used.

    Args:
        table: Columns split (0, 1, 2), label, attribute and `image`, a path below one of the subfolders.
        names: Names of labels and attributes.
        folder: The data folder.
        subfolders: Where in it the images may be; the first that has the first image is used for all.
        image_size: Read the resized copies of this size, which `prepare_dataset.py --image_size` made.
        check_files: Whether to look that every image is there.
        on_bad_image: `"error"` stops where an image that cannot be decoded is met. `"skip"` decodes every image now and leaves out those that
            cannot be; the row numbers of the others stay.

    Returns:
        Train, validation and test; rows are numbered from 0 in each.

    Raises:
        MissingFilesError: If images are absent.
        ValueError: If `on_bad_image` is unknown.
    """
    if on_bad_image not in ON_BAD_IMAGE:
        raise ValueError(f"on_bad_image={on_bad_image!r} is unknown; choose one of {', '.join(ON_BAD_IMAGE)}")
    images = table["image"].to_pylist()
    place = next((place for place in subfolders if images and (folder / place / images[0]).exists()), subfolders[0])
    root = (folder if image_size is None else resized_folder(folder, image_size)) / place
    if check_files and (absent := absent_files(root, images)):
        raise MissingFilesError(f"{len(absent)} of {len(images)} images are not in {str(root)!r}; the first are {absent[:3]}")
    paths = pc.binary_join_element_wise(pa.scalar(str(root)), table["image"].cast(pa.string()), "/").combine_chunks()
    cells = pa.StructArray.from_arrays([pa.nulls(len(paths), pa.binary()), paths], names=["bytes", "path"])
    splits = _splits(table, names, {"image": (cells, Image())})
    if on_bad_image == "skip":
        splits = DatasetDict({name: _without_bad_images(name, split) for name, split in splits.items()})
    return splits


def _splits(table: pa.Table, names: GroupNames, contents: dict[str, tuple]) -> DatasetDict:
    features = Features(
        {
            **{name: feature for name, (_, feature) in contents.items()},
            ROW_INDEX: Value("int64"),
            LABEL: ClassLabel(names=list(names.labels)),
            ATTRIBUTE: ClassLabel(names=list(names.attributes)),
            GROUP: ClassLabel(names=list(names.groups)),
        }
    )
    label, attribute, split = (table[name].to_numpy().astype(np.int64) for name in ("label", "attribute", "split"))
    group = names.group_of(label, attribute)
    made = {}
    for number, name in enumerate(SPLITS):
        rows = np.flatnonzero(split == number)
        columns = {key: (cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells).take(rows) for key, (cells, _) in contents.items()}
        columns |= {ROW_INDEX: np.arange(len(rows)), LABEL: label[rows], ATTRIBUTE: attribute[rows], GROUP: group[rows]}
        arrow = pa.table(
            [pa.array(column) if isinstance(column, np.ndarray) else column for column in columns.values()], schema=features.arrow_schema
        )
        made[name] = Dataset(arrow, info=DatasetInfo(features=features), fingerprint=None)
        counts = np.bincount(group[rows], minlength=len(names.groups))
        if len(rows) and not counts.all():
            empty = [group_name for group_name, count in zip(names.groups, counts, strict=True) if not count]
            warnings.warn(f"the {name} split has no row of {', '.join(empty)}: left out of its worst-group accuracy", stacklevel=2)
    return DatasetDict(made)


def _without_bad_images(name: str, split: Dataset) -> Dataset:
    bad = bad_images(split)
    if not bad:
        return split
    listed = "\n".join(f"  row_index {row}: {path}: {why}" for row, path, why in bad)
    warnings.warn(f"{len(bad)} images of the {name} split cannot be decoded and are skipped:\n{listed}", stacklevel=2)
    skipped = {row for row, _, _ in bad}
    keep = [at for at, row in enumerate(split[ROW_INDEX][:]) if row not in skipped]
    return split.select(keep)
