"""A metadata CSV in the form of SubpopBench (split, y, a and a file name or texts), for anyone's own benchmark and for the published ones."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import DatasetDict

from .cache import cached_table
from .files import checked_folder, find_files, read_header, read_table, whole_numbers
from .preprocessing import text_columns
from .schema import GroupNames
from .splits import SPLITS, image_splits, text_splits

_SPLIT_CODES = {"0": 0, "1": 1, "2": 2, "train": 0, "validation": 1, "val": 1, "valid": 1, "dev": 1, "test": 2}


def load_tabled(
    data_dir: str | Path | None = None,
    metadata: str = "metadata.csv",
    *,
    label_names: Sequence[str] | None = None,
    attribute_names: Sequence[str] | None = None,
    **image_options: Any,
) -> DatasetDict:
    """Load a benchmark from a metadata CSV: one row an example, with `split` (0, 1, 2 or train, validation, test), `y`, perhaps `a`, and `filename`
    (an image, relative to `data_dir`), `text`, or `premise` and `hypothesis`.

    Args:
        data_dir: Folder with the CSV, and below which the images are.
        metadata: Name of the CSV in it.
        label_names: Names of the labels; by default from `names.json` beside the CSV (`{"labels": […], "attributes": […]}`), else their numbers.
        attribute_names: Names of the attributes, likewise.
        **image_options: `image_size`, `check_files` and `on_bad_image`, see `image_splits`.

    Returns:
        Splits train, validation and test.

    Raises:
        FileNotFoundError: If the CSV or images are missing.
        ValueError: If columns are missing, a code is outside its range, or an image is named twice.
    """
    folder = checked_folder(data_dir, "tabled", "A metadata CSV and its images; the README says how they look.")
    path = find_files(folder, {"metadata": [metadata]}, "Name another CSV with metadata=….")["metadata"]
    columns = read_header(path)
    is_image = "filename" in columns
    contents = ["filename"] if is_image else list(text_columns(columns))
    if not contents:
        raise ValueError(f"{path} has no column `filename` (an image), `text`, or `premise` and `hypothesis`, but {columns}; rename what it has")
    if image_options and not is_image:
        raise ValueError(f"{sorted(image_options)} are for images, and {path} has texts")
    sidecar = folder / "names.json"
    named = json.loads(sidecar.read_text(encoding="utf-8")) if sidecar.exists() else {}
    has_attribute = "a" in columns
    if attribute_names is not None and not has_attribute:
        raise ValueError(f"attribute_names={list(attribute_names)!r}, but {path} has no column `a`")
    table = cached_table("tabled", [path], {"columns": columns}, lambda: read_metadata(path, contents, has_attribute=has_attribute))
    names = GroupNames(
        tuple(_names("label_names", label_names or named.get("labels"), table["label"].to_numpy())),
        tuple(_names("attribute_names", attribute_names or (named.get("attributes") if has_attribute else None), table["attribute"].to_numpy())),
    )
    if is_image:
        return image_splits(table, names, folder, **image_options)
    return text_splits(table, names, contents)


def read_metadata(path: Path, contents: Sequence[str] = ("filename",), has_attribute: bool = True) -> pd.DataFrame:
    """Read and check a metadata CSV.

    Args:
        path: The CSV.
        contents: Columns with a file name or texts.
        has_attribute: Whether the column `a` is read; without it all attributes are 0.

    Returns:
        The contents (a file name as `image`), and split, label and attribute as whole numbers.

    Raises:
        ValueError: As `load_tabled` says.
    """
    codes = ["split", "y", "a"] if has_attribute else ["split", "y"]
    table = read_table(path, [*contents, *codes], dtype={**dict.fromkeys(contents, str), "split": str}, keep_default_na=False)
    for name in contents:
        if (empty := table[name] == "").any():
            raise ValueError(f"column {name!r} of {path} is empty in {int(empty.sum())} rows, the first is row {int(np.flatnonzero(empty)[0])}")
    if list(contents) == ["filename"] and (twice := table["filename"].duplicated()).any():
        raise ValueError(
            f"{path} names {int(twice.sum())} images twice, the first is {table['filename'][twice].iloc[0]!r} in row {int(np.flatnonzero(twice)[0])}"
        )
    split = table["split"].str.strip().map(_SPLIT_CODES)
    if split.isna().any():
        row = int(np.flatnonzero(split.isna())[0])
        raise ValueError(f"column 'split' of {path} holds {table['split'].iloc[row]!r} in row {row}; it takes 0, 1, 2 or {', '.join(SPLITS)}")
    label = whole_numbers(table, "y", path, range(1000))
    attribute = whole_numbers(table, "a", path, range(1000)) if has_attribute else np.zeros(len(table), dtype=np.int64)
    if len(np.unique(label)) < 2:
        raise ValueError(f"column 'y' of {path} has one class only; a classifier needs two")
    columns = {"image" if name == "filename" else name: table[name] for name in contents}
    return pd.DataFrame({**columns, "split": split.astype(np.int64), "label": label, "attribute": attribute})


def _names(parameter: str, names: Sequence[str] | None, codes: np.ndarray) -> list[str]:
    count = int(codes.max()) + 1
    if names is None:
        return [str(number) for number in range(count)] if parameter == "label_names" or count > 1 else list(GroupNames(()).attributes)
    if len(names) < count:
        raise ValueError(f"{parameter} has {len(names)} names, {list(names)}, but the metadata hold codes up to {count - 1}")
    return list(names)
