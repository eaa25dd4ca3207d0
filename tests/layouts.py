"""Small files in the real layouts of the benchmarks, for tests."""

import io
import json
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image


def jpeg(path: Path, size=(12, 10), color="red", quality=90) -> None:
    """Write one small picture."""
    path.parent.mkdir(parents=True, exist_ok=True)
    buffer = io.BytesIO()
    Image.new("RGB", size, color).save(buffer, "JPEG", quality=quality)
    path.write_bytes(buffer.getvalue())


def waterbirds(folder: Path, rows: int = 12) -> pd.DataFrame:
    """The archive's folder; row n has split n % 3, label n // 3 % 2, place n // 6 % 2."""
    numbers = np.arange(rows)
    table = pd.DataFrame(
        {
            "img_id": numbers + 1,
            "img_filename": [f"{n % 4:03d}.Bird/Bird_{n:04d}.jpg" for n in numbers],
            "y": numbers // 3 % 2,
            "split": numbers % 3,
            "place": numbers // 6 % 2,
            "place_filename": "x",
        }
    )
    archive = folder / "waterbird_complete95_forest2water2"
    for name in table["img_filename"]:
        jpeg(archive / name)
    table.to_csv(archive / "metadata.csv", index=False)
    return table


def celeba(folder: Path, form: str, rows: int = 12) -> None:
    """Lists as txt (published) or csv (Kaggle), with a third attribute between the two that are used."""
    names = [f"{n + 1:06d}.jpg" for n in range(rows)]
    for name in names:
        jpeg(folder / "img_align_celeba" / name)
    blond, male = [1 if n // 3 % 2 else -1 for n in range(rows)], [1 if n // 6 % 2 else -1 for n in range(rows)]
    if form == "txt":
        lines = [f"{name} {b:2d} -1 {m:2d}" for name, b, m in zip(names, blond, male, strict=True)]
        (folder / "list_attr_celeba.txt").write_text(f"{rows}\nBlond_Hair Bangs Male \n" + "\n".join(lines) + "\n")
        (folder / "list_eval_partition.txt").write_text("".join(f"{name} {n % 3}\n" for n, name in enumerate(names)))
    else:
        pd.DataFrame({"image_id": names, "Blond_Hair": blond, "Bangs": -1, "Male": male}).to_csv(folder / "list_attr_celeba.csv", index=False)
        pd.DataFrame({"image_id": names, "partition": np.arange(rows) % 3}).to_csv(folder / "list_eval_partition.csv", index=False)


def metashift(folder: Path, each: int = 10) -> list[str]:
    """The archive's four folders; returns the file names."""
    names = []
    for place in ("train/cat/cat(indoor)", "train/dog/dog(outdoor)", "test/cat/cat(outdoor)", "test/dog/dog(indoor)"):
        for n in range(each):
            name = f"MetaShift-Cat-Dog-indoor-outdoor/{place}/{n:05d}.jpg"
            jpeg(folder / name)
            names.append(name)
    return names


LABELS = ("contradiction", "entailment", "neutral")


def multinli(folder: Path, form: str, rows=(20, 7, 6)) -> pd.DataFrame:
    """metadata_random.csv, and the sentences as jsonl (with rows that have no gold label) or tsv."""
    total = sum(rows)
    labels, negations, splits = np.arange(total) % 3, np.arange(total) // 3 % 2, np.arange(total) // 2 % 3
    metadata = pd.DataFrame({"gold_label": labels, "sentence2_has_negation": negations, "split": splits})
    folder.mkdir(parents=True, exist_ok=True)
    metadata.to_csv(folder / "metadata_random.csv")
    at = 0
    for part, count in zip(("train", "dev_matched", "dev_mismatched"), rows, strict=True):
        pairs = [
            (LABELS[labels[n]], f'premise {n} with “quotes" in it', f"hypothesis {n} {'never' if negations[n] else 'ever'}")
            for n in range(at, at + count)
        ]
        at += count
        pairs.insert(1, ("-", "nobody agrees", "on this"))
        if form == "jsonl":
            path = folder / "multinli_1.0" / f"multinli_1.0_{part}.jsonl"
            path.parent.mkdir(exist_ok=True)
            lines = [json.dumps({"gold_label": gold, "sentence1": first, "sentence2": second}, ensure_ascii=False) for gold, first, second in pairs]
        else:
            path = folder / "MNLI" / f"{part}.tsv"
            path.parent.mkdir(exist_ok=True)
            lines = ["index\tgenre\tsentence1\tsentence2\tgold_label"]
            lines += [f"{n}\tfiction\t{first}\t{second}\t{gold}" for n, (gold, first, second) in enumerate(pairs)]
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return metadata


def mimic(folder: Path, patients: int = 60) -> pd.DataFrame:
    """The four tables; patient n has n % 3 + 1 images, one of them is under age 1, and some have no admission."""
    folder.mkdir(parents=True, exist_ok=True)
    subjects = 10_000_000 + 977 * np.arange(patients)
    images = [(f"{s:x}-{k}", s, s * 10 + k) for n, s in enumerate(subjects) for k in range(n % 3 + 1)]
    metadata = pd.DataFrame(images, columns=["dicom_id", "subject_id", "study_id"]).assign(ViewPosition="PA")
    metadata.to_csv(folder / "mimic-cxr-2.0.0-metadata.csv.gz", index=False)
    labels = metadata[["subject_id", "study_id"]].assign(**{"No Finding": [1.0 if n % 3 == 0 else np.nan for n in range(len(metadata))]})
    labels.to_csv(folder / "mimic-cxr-2.0.0-negbio.csv.gz", index=False)
    ages = [0 if n == 5 else 40 + n % 30 for n in range(patients)]
    pd.DataFrame({"subject_id": subjects, "gender": ["MF"[n % 2] for n in range(patients)], "anchor_age": ages}).to_csv(
        folder / "patients.csv.gz", index=False
    )
    races = ["WHITE - RUSSIAN", "BLACK/AFRICAN AMERICAN", "ASIAN"]
    admissions = [(s, races[n // 2 % 3]) for n, s in enumerate(subjects) if n % 10 != 9]
    admissions += [(s, "BLACK/LATER") for s in subjects[:4]]  # the first admission counts
    pd.DataFrame(admissions, columns=["subject_id", "race"]).to_csv(folder / "admissions.csv.gz", index=False)
    for dicom, subject, study in images:
        jpeg(folder / f"files/p{str(subject)[:2]}/p{subject}/s{study}/{dicom}.jpg")
    return metadata
