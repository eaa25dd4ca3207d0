"""MetaShift, cats and dogs, indoors and outdoors (Liang and Zou 2022, as Yang et al. 2023 arranged it)."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from datasets import DatasetDict

from .cache import cached_table
from .files import checked_folder, find_files
from .schema import GroupNames
from .splits import image_splits
from .tabled import read_metadata

NAMES = GroupNames(labels=("dog", "cat"), attributes=("outdoor", "indoor"))
ARCHIVE = "MetaShift-Cat-Dog-indoor-outdoor"
SOURCE = f"Fetch {ARCHIVE} from the MetaShift project, and metadata_metashift.csv of SubpopBench for the published split."
_FOLDERS = {"train/cat/cat(indoor)": (1, 1), "train/dog/dog(outdoor)": (0, 0), "test/cat/cat(outdoor)": (1, 0), "test/dog/dog(indoor)": (0, 1)}
_PICTURES = (".jpg", ".jpeg", ".png")


def load_metashift(data_dir: str | Path | None = None, *, metadata: str | None = None, **image_options: Any) -> DatasetDict:
    """Load MetaShift.

    The published split was drawn over the files in the order in which one disk happened to list them, so only the published CSV has it. It is read if
    it is there; otherwise the files are sorted, split by the same rule, and a warning says that this is another split.

    Args:
        data_dir: Folder with the archive's folder, and perhaps metadata_metashift.csv.
        metadata: Name of that CSV, if it has another one.
        **image_options: See `image_splits`.

    Returns:
        Splits of 2,276, 349 and 874 rows; label dog or cat, attribute outdoor or indoor.

    Raises:
        FileNotFoundError: If files are missing.
    """
    folder = checked_folder(data_dir, "metashift", SOURCE)
    path = folder / (metadata or "metadata_metashift.csv")
    if metadata or path.exists():
        find_files(folder, {"metadata": [path.name]}, SOURCE)
        table = cached_table("metashift", [path], {}, lambda: read_metadata(path))
    else:
        root = folder / ARCHIVE if (folder / ARCHIVE).exists() else folder
        find_files(root, {name: [name] for name in _FOLDERS}, SOURCE)
        warnings.warn(
            "metadata_metashift.csv is not there, so this is not the published split of MetaShift: the sorted files are split by its rule",
            stacklevel=2,
        )
        table = pa.Table.from_pandas(_listed(folder, root), preserve_index=False)
    return image_splits(table, NAMES, folder, **image_options)


def _listed(folder: Path, root: Path) -> pd.DataFrame:
    rows = [
        (path.relative_to(folder).as_posix(), label, attribute)
        for place, (label, attribute) in _FOLDERS.items()
        for path in sorted((root / place).iterdir())
        if path.suffix.lower() in _PICTURES
    ]
    table = pd.DataFrame(rows, columns=["image", "label", "attribute"])
    return table.assign(split=published_rule(len(table)))


def published_rule(rows: int) -> np.ndarray:
    """The split (0, 1, 2) of each row by SubpopBench's rule: a quarter is test, a tenth validation, drawn with RandomState(42)."""
    generator = np.random.RandomState(42)
    test = generator.choice(rows, int(0.25 * rows), replace=False)
    rest = np.setdiff1d(np.arange(rows), test)
    validation = generator.choice(rest, int(0.1 * rows), replace=False)
    split = np.zeros(rows, dtype=np.int64)
    split[test], split[validation] = 2, 1
    return split
