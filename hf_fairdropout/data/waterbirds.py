"""Waterbirds (Sagawa et al. 2020): land birds and water birds on land and on water."""

from pathlib import Path
from typing import Any

import pandas as pd
from datasets import DatasetDict

from .cache import cached_table
from .files import checked_folder, find_files, read_table, whole_numbers
from .schema import GroupNames
from .splits import image_splits
from .tabled import read_metadata

NAMES = GroupNames(labels=("landbird", "waterbird"), attributes=("land", "water"))
ARCHIVE = "waterbird_complete95_forest2water2"
SOURCE = (
    f"Fetch them with scripts/prepare_dataset.py --benchmark waterbirds --download, or unpack {ARCHIVE}.tar.gz of nlp.stanford.edu/data/dro there."
)


def load_waterbirds(data_dir: str | Path | None = None, *, metadata: str | None = None, **image_options: Any) -> DatasetDict:
    """Load Waterbirds from the published archive, unpacked.

    Args:
        data_dir: Folder with the archive's folder, or with its contents.
        metadata: A CSV in the SubpopBench form to read in place of the archive's metadata.csv.
        **image_options: See `image_splits`.

    Returns:
        Splits of 4,795, 1,199 and 5,794 rows; label landbird or waterbird, attribute land or water.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If the metadata are not as published.
    """
    folder = checked_folder(data_dir, "waterbirds", SOURCE)
    wanted = [metadata] if metadata else [f"{ARCHIVE}/metadata.csv", "metadata.csv"]
    path = find_files(folder, {"metadata": wanted}, SOURCE)["metadata"]
    table = cached_table("waterbirds", [path], {"form": bool(metadata)}, lambda: _read(path, is_tabled=bool(metadata)))
    return image_splits(table, NAMES, folder, [ARCHIVE, ""], **image_options)


def _read(path: Path, is_tabled: bool) -> pd.DataFrame:
    if is_tabled:
        return read_metadata(path)
    table = read_table(path, ["img_filename", "split", "y", "place"])
    codes = {"split": ("split", range(3)), "label": ("y", range(2)), "attribute": ("place", range(2))}
    return pd.DataFrame(
        {"image": table["img_filename"], **{name: whole_numbers(table, column, path, allowed) for name, (column, allowed) in codes.items()}}
    )
