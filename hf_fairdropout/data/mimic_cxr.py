"""MIMIC-CXR (Johnson et al. 2019): No Finding, with race and gender. Credentialed data: nothing of it may leave the place it was granted to."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from datasets import DatasetDict
from sklearn.model_selection import train_test_split

from .cache import cached_table
from .files import checked_folder, find_files, read_table
from .schema import GroupNames
from .splits import image_splits

NAMES = GroupNames(labels=("finding", "no finding"), attributes=("M_white", "F_white", "M_black", "F_black", "M_other", "F_other"))
SOURCE = (
    "With a PhysioNet credential, fetch MIMIC-CXR-JPG 2.0.0 (files/, mimic-cxr-2.0.0-metadata.csv.gz, mimic-cxr-2.0.0-negbio.csv.gz) and, of "
    "MIMIC-IV, patients.csv.gz and admissions.csv.gz."
)
SPLIT_BY = ("image", "patient")


def load_mimic_cxr(data_dir: str | Path | None = None, *, split_by: str = "image", **image_options: Any) -> DatasetDict:
    """Load MIMIC-CXR from the published tables.

    Args:
        data_dir: Folder with the tables and `files/`.
        split_by: `"image"` is SubpopBench's split, where images of one patient stand on both sides; `"patient"` keeps each patient on one side.
        **image_options: See `image_splits`.

    Returns:
        Splits of 303,591, 17,859 and 35,717 rows (by image); label No Finding, attribute gender and race.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If a table is not as published, or `split_by` is unknown.
    """
    if split_by not in SPLIT_BY:
        raise ValueError(f"split_by={split_by!r} is unknown; choose one of {', '.join(SPLIT_BY)}")
    folder = checked_folder(data_dir, "mimic_cxr", SOURCE)
    wanted = {
        "metadata": ["mimic-cxr-2.0.0-metadata.csv.gz", "mimic-cxr-2.0.0-metadata.csv"],
        "labels": ["mimic-cxr-2.0.0-negbio.csv.gz", "mimic-cxr-2.0.0-negbio.csv"],
        "patients": ["patients.csv.gz", "patients.csv"],
        "admissions": ["admissions.csv.gz", "admissions.csv"],
    }
    if image_options.get("check_files", True):
        wanted["images"] = ["files"]
    paths = find_files(folder, wanted, SOURCE)
    paths.pop("images", None)
    table = cached_table("mimic_cxr", list(paths.values()), {"split_by": split_by}, lambda: _read(paths, split_by))
    return image_splits(table, NAMES, folder, **image_options)


def _read(paths: dict[str, Path], split_by: str) -> pd.DataFrame:
    images = read_table(paths["metadata"], ["dicom_id", "subject_id", "study_id"])
    labels = read_table(paths["labels"], ["subject_id", "study_id", "No Finding"])
    patients = read_table(paths["patients"], ["subject_id", "gender", "anchor_age"])
    admissions = read_table(paths["admissions"], ["subject_id", "race"])
    for what, table, keys in (
        ("labels", labels, ["subject_id", "study_id"]),
        ("patients", patients, ["subject_id"]),
        ("metadata", images, ["dicom_id"]),
    ):
        if (twice := table.duplicated(keys)).any():
            raise ValueError(f"{paths[what]} has {int(twice.sum())} rows twice, the first by {dict(table[keys][twice].iloc[0])}")
    race = admissions.drop_duplicates("subject_id").set_index("subject_id")["race"].fillna("")
    patients["race"] = patients["subject_id"].map(race).fillna("")
    rows = images.merge(patients, on="subject_id").merge(labels, on=["subject_id", "study_id"])
    rows = rows[rows["anchor_age"] > 0].reset_index(drop=True)
    if rows.empty:
        raise ValueError(f"no row is in all of {', '.join(str(path) for path in paths.values())}: they are not of the same release")
    race_code = np.select([rows["race"].str.startswith("WHITE"), rows["race"].str.startswith("BLACK")], [0, 1], default=2)
    attribute = 2 * race_code + (rows["gender"] == "F").to_numpy(dtype=np.int64)
    subject, study = rows["subject_id"].astype(str), rows["study_id"].astype(str)
    return pd.DataFrame(
        {
            "image": "files/p" + subject.str[:2] + "/p" + subject + "/s" + study + "/" + rows["dicom_id"] + ".jpg",
            "split": _split(attribute, rows["subject_id"].to_numpy(), split_by),
            "label": (rows["No Finding"].fillna(0) == 1).to_numpy(dtype=np.int64),
            "attribute": attribute,
        }
    )


def _split(attribute: np.ndarray, subject: np.ndarray, split_by: str) -> np.ndarray:
    """A tenth is test and a twentieth validation, stratified by attribute (SubpopBench's calls of scikit-learn)."""
    units, first = (np.arange(len(subject)), np.arange(len(subject))) if split_by == "image" else np.unique(subject, return_index=True)
    strata = attribute[first]
    rest, test = train_test_split(np.arange(len(units)), test_size=0.1, stratify=strata, random_state=42)
    _, validation = train_test_split(rest, test_size=0.05 / 0.9, stratify=strata[rest], random_state=42)
    code = np.zeros(len(units), dtype=np.int64)
    code[test], code[validation] = 2, 1
    return code if split_by == "image" else code[np.searchsorted(units, subject)]
