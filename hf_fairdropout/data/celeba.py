"""CelebA (Liu et al. 2015): blond hair, and the gender that goes with it."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import DatasetDict

from .cache import cached_table
from .files import checked_folder, find_files, read_header, read_table, whole_numbers
from .schema import GroupNames
from .splits import image_splits
from .tabled import read_metadata

NAMES = GroupNames(labels=("not blond", "blond"), attributes=("female", "male"))
_PLACES = ("img_align_celeba", "img_align_celeba/img_align_celeba", "")
SOURCE = (
    "Fetch img_align_celeba.zip, list_eval_partition and list_attr_celeba (txt or csv) from mmlab.ie.cuhk.edu.hk/projects/CelebA.html or "
    "Kaggle's copy, and accept the non-commercial terms there."
)


def load_celeba(data_dir: str | Path | None = None, *, metadata: str | None = None, **image_options: Any) -> DatasetDict:
    """Load CelebA from the published files.

    Args:
        data_dir: Folder with `img_align_celeba/`, `list_eval_partition` and `list_attr_celeba` (txt as published, or csv as on Kaggle).
        metadata: A CSV in the SubpopBench form to read in place of the two lists.
        **image_options: See `image_splits`.

    Returns:
        Splits of 162,770, 19,867 and 19,962 rows; label Blond_Hair, attribute Male.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If the lists are not as published, or do not speak of the same images.
    """
    folder = checked_folder(data_dir, "celeba", SOURCE)
    if metadata:
        path = find_files(folder, {"metadata": [metadata]}, SOURCE)["metadata"]
        table = cached_table("celeba", [path], {"form": True}, lambda: read_metadata(path))
        return image_splits(table, NAMES, folder, _PLACES, **image_options)
    wanted = {
        "images": ["img_align_celeba"],
        "partition": ["list_eval_partition.txt", "list_eval_partition.csv"],
        "attributes": ["list_attr_celeba.txt", "list_attr_celeba.csv"],
    }
    paths = find_files(folder, wanted, SOURCE)
    sources = [paths["partition"], paths["attributes"]]
    table = cached_table("celeba", sources, {"form": False}, lambda: _read(*sources))
    return image_splits(table, NAMES, folder, _PLACES, **image_options)


def _read(partition_path: Path, attributes_path: Path) -> pd.DataFrame:
    if partition_path.suffix == ".txt":
        partition = pd.read_csv(partition_path, sep=r"\s+", header=None, names=["image_id", "partition"])
    else:
        partition = read_table(partition_path, ["image_id", "partition"])
    attributes = _read_attributes(attributes_path)
    if not partition["image_id"].equals(attributes["image_id"]):
        if len(partition) != len(attributes):
            raise ValueError(
                f"{partition_path} has {len(partition)} rows and {attributes_path} has {len(attributes)}: they are not of the same release"
            )
        row = int(np.flatnonzero(partition["image_id"].to_numpy() != attributes["image_id"].to_numpy())[0])
        first, second = partition["image_id"].iloc[row], attributes["image_id"].iloc[row]
        raise ValueError(f"row {row} is {first!r} in {partition_path} but {second!r} in {attributes_path}: they do not align")
    codes = {name: whole_numbers(attributes, name, attributes_path, range(-1, 2)) == 1 for name in ("Blond_Hair", "Male")}
    return pd.DataFrame(
        {
            "image": partition["image_id"],
            "split": whole_numbers(partition, "partition", partition_path, range(3)),
            "label": codes["Blond_Hair"].astype(np.int64),
            "attribute": codes["Male"].astype(np.int64),
        }
    )


def _read_attributes(path: Path) -> pd.DataFrame:
    """The columns image_id, Blond_Hair and Male; in the published txt, line 1 is a count and the header has no name for the image."""
    if path.suffix == ".csv":
        return read_table(path, ["image_id", "Blond_Hair", "Male"])
    header = read_header(path, sep=r"\s+", skiprows=1)
    wanted = ["Blond_Hair", "Male"]
    if lacking := [name for name in wanted if name not in header]:
        raise ValueError(f"{path} has no column {lacking}, only {header[:12]}")
    places = [0, *(header.index(name) + 1 for name in wanted)]
    table = pd.read_csv(path, sep=r"\s+", skiprows=2, header=None, usecols=places)
    return table[places].set_axis(["image_id", *wanted], axis=1)
