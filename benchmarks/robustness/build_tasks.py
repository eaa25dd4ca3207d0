#!/usr/bin/env python
"""Build spurious-correlation tasks from real data, as folders that `load_benchmark("tabled", …)` reads.

    python benchmarks/robustness/build_tasks.py --source SOURCE --output tasks

SOURCE holds, as their owners publish them (each task needs only its own):
    mnist/{train,t10k}-{images-idx3,labels-idx1}-ubyte.gz      MNIST
    cifar10_3cls/*.tar.gz                                      CIFAR-10 automobile, ship, truck: {train,test}/CLASS/*.jpg
    text/sst2_{train,dev,test}.tsv                             SST-2: sentence, tab, label
    nli/SICK_{train,trial,test_annotated}.txt                  SICK
    nli/mnli_dev_matched.tsv                                   MultiNLI, matched development pairs: index, premise, hypothesis, gold_label

    dominoes          a digit (0 or 1: attribute) over a car or a truck (label)
    digits_on_places  a 3 or an 8 (label) on the photograph of a truck or a ship (attribute)
    sst2_negation     sentiment (label), a negation in the sentence (attribute)
    sst2_rare         the same, with 60 of the positive negated sentences kept in train
    sick_negation     entailment, neutral or contradiction, a negation in sentence B
    mnli_negation     MultiNLI's development pairs, a negation in the hypothesis, split 60 / 15 / 25 within groups

The images have Waterbirds' own group counts in train and validation, and balanced test groups. The same source gives the same bytes.
"""

import argparse
import gzip
import io
import json
import sys
import tarfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from hf_fairdropout.data.multinli import has_negation
from hf_fairdropout.data.published import PUBLISHED

SPLITS = ("train", "validation", "test")
_SST2_NEGATIONS = frozenset({"not", "no", "never", "nothing", "nobody", "none"})


def read_mnist(source: Path, split: str) -> tuple[np.ndarray, np.ndarray]:
    """Images (rows, 28, 28) and digits."""
    stem = "train" if split == "train" else "t10k"
    images = gzip.decompress((source / "mnist" / f"{stem}-images-idx3-ubyte.gz").read_bytes())
    labels = gzip.decompress((source / "mnist" / f"{stem}-labels-idx1-ubyte.gz").read_bytes())
    return np.frombuffer(images, np.uint8, offset=16).reshape(-1, 28, 28), np.frombuffer(labels, np.uint8, offset=8)


def read_cifar(source: Path, split: str) -> dict[str, list[np.ndarray]]:
    """Photographs (32, 32, 3) of each class, in the order of their names."""
    archive = next(iter(sorted((source / "cifar10_3cls").glob("*.tar.gz"))), None)
    if archive is None:
        raise FileNotFoundError(f"{source / 'cifar10_3cls'} has no .tar.gz of CIFAR-10 pictures")
    photographs: dict[str, list[np.ndarray]] = {}
    with tarfile.open(archive) as file:
        for member in sorted(file.getmembers(), key=lambda m: m.name):
            if member.isfile() and member.name.startswith(f"{split}/"):
                picture = Image.open(io.BytesIO(file.extractfile(member).read())).convert("RGB")
                photographs.setdefault(member.name.split("/")[1], []).append(np.asarray(picture))
    return photographs


def domino(digit: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """The digit above the photograph: (64, 32, 3)."""
    return np.concatenate([np.repeat(np.pad(digit, 2)[..., None], 3, axis=2), photograph])


def drawn_on(digit: np.ndarray, photograph: np.ndarray) -> np.ndarray:
    """The digit in white on the photograph: (32, 32, 3)."""
    return np.maximum(np.pad(digit, 2)[..., None], photograph)


def build_images(source: Path, output: Path, name: str) -> None:
    """Dominoes, or digits on places."""
    is_domino = name == "dominoes"
    digits, places = ((0, 1), ("automobile", "truck")) if is_domino else ((3, 8), ("truck", "ship"))
    generator = np.random.default_rng(0)
    counts = {
        "train": PUBLISHED["waterbirds"].train,
        "validation": PUBLISHED["waterbirds"].validation,
        "test": (490,) * 4 if is_domino else (480,) * 4,
    }
    rows = []
    pools = {}
    for half in ("train", "test"):
        images, labels = read_mnist(source, half)
        photographs = read_cifar(source, half)
        pools[half] = (
            [iter(generator.permutation(images[labels == digit])) for digit in digits],
            [iter([photographs[place][at] for at in generator.permutation(len(photographs[place]))]) for place in places],
        )
    for split in SPLITS:
        digit_pool, place_pool = pools["test" if split == "test" else "train"]
        for group, count in enumerate(counts[split]):
            label, attribute = divmod(group, 2)
            for number in range(count):
                if is_domino:
                    picture = domino(next(digit_pool[attribute]), next(place_pool[label]))
                else:
                    picture = drawn_on(next(digit_pool[label]), next(place_pool[attribute]))
                filename = f"images/{split}/{label}{attribute}/{number:04d}.png"
                (output / filename).parent.mkdir(parents=True, exist_ok=True)
                Image.fromarray(picture).save(output / filename)
                rows.append((filename, SPLITS.index(split), label, attribute))
    names = {"labels": places, "attributes": ("digit 0", "digit 1")} if is_domino else {"labels": ("3", "8"), "attributes": places}
    write_folder(output, pd.DataFrame(rows, columns=["filename", "split", "y", "a"]), names)


def build_sst2(source: Path, output: Path, name: str) -> None:
    """SST-2 × negation; the rare form keeps 60 positive negated sentences of train."""
    tables = []
    for number, part in enumerate(("train", "dev", "test")):
        table = pd.read_csv(source / "text" / f"sst2_{part}.tsv", sep="\t", header=None, names=["text", "y"], quoting=3, keep_default_na=False)
        tables.append(table.assign(split=number))
    table = pd.concat(tables, ignore_index=True)
    words = table["text"].str.lower().str.split(" ")
    table["a"] = [int(any(word in _SST2_NEGATIONS or word.endswith("n't") for word in sentence)) for sentence in words]
    if name == "sst2_rare":
        rare = np.flatnonzero((table["split"] == 0) & (table["y"] == 1) & (table["a"] == 1))
        dropped = np.random.default_rng(0).permutation(rare)[60:]
        table = table.drop(index=dropped)
    write_folder(output, table, {"labels": ("negative", "positive"), "attributes": ("no negation", "negation")})


def build_sick(source: Path, output: Path, name: str) -> None:
    """SICK × negation in sentence B."""
    labels = ("entailment", "neutral", "contradiction")
    tables = []
    for number, part in enumerate(("train", "trial", "test_annotated")):
        table = pd.read_csv(source / "nli" / f"SICK_{part}.txt", sep="\t", quoting=3, keep_default_na=False)
        tables.append(table.assign(split=number))
    table = pd.concat(tables, ignore_index=True).rename(columns={"sentence_A": "premise", "sentence_B": "hypothesis"})
    table["y"] = table["entailment_judgment"].str.strip().str.lower().map(labels.index)
    table["a"] = [int(has_negation(text)) for text in table["hypothesis"]]
    write_folder(output, table, {"labels": labels, "attributes": ("no negation", "negation")})


def build_mnli(source: Path, output: Path, name: str) -> None:
    """MultiNLI's matched development pairs × negation, split within groups."""
    labels = ("contradiction", "entailment", "neutral")
    table = pd.read_csv(source / "nli" / "mnli_dev_matched.tsv", sep="\t", quoting=3, keep_default_na=False)
    table["y"] = table["gold_label"].map(labels.index)
    table["a"] = [int(has_negation(text)) for text in table["hypothesis"]]
    generator, split = np.random.default_rng(0), np.zeros(len(table), dtype=int)
    for group in range(6):
        rows = generator.permutation(np.flatnonzero(2 * table["y"] + table["a"] == group))
        first, second = round(0.6 * len(rows)), round(0.75 * len(rows))
        split[rows[first:second]], split[rows[second:]] = 1, 2
    write_folder(output, table.assign(split=split), {"labels": labels, "attributes": ("no negation", "negation")})


def write_folder(output: Path, table: pd.DataFrame, names: dict[str, tuple[str, ...]]) -> None:
    """metadata.csv and names.json; the CSV last, so that a folder which has it is whole."""
    output.mkdir(parents=True, exist_ok=True)
    (output / "names.json").write_text(json.dumps(names) + "\n", encoding="utf-8")
    contents = [column for column in ("filename", "text", "premise", "hypothesis") if column in table]
    table[[*contents, "split", "y", "a"]].to_csv(output / "metadata.csv", index=False, lineterminator="\n")


TASKS = {
    "dominoes": build_images,
    "digits_on_places": build_images,
    "sst2_negation": build_sst2,
    "sst2_rare": build_sst2,
    "sick_negation": build_sick,
    "mnli_negation": build_mnli,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--source", type=Path, required=True)
    parser.add_argument("--output", type=Path, required=True)
    parser.add_argument("--tasks", nargs="+", choices=list(TASKS), default=list(TASKS))
    arguments = parser.parse_args()
    for name in arguments.tasks:
        try:
            TASKS[name](arguments.source, arguments.output / name, name)
        except FileNotFoundError as error:
            sys.exit(f"error: task {name} lacks a source file: {error.filename or error}; --help lists what SOURCE must hold")
        counts = pd.read_csv(arguments.output / name / "metadata.csv", usecols=["split", "y", "a"]).value_counts().sort_index()
        print(name, {SPLITS[split]: counts[split].to_dict() for split in range(3)}, flush=True)


if __name__ == "__main__":
    main()
