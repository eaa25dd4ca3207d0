"""MultiNLI (Williams et al. 2018) with negation in the hypothesis, on the split of Sagawa et al. (2020)."""

import json
import string
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from datasets import DatasetDict

from .cache import cached_table
from .files import MissingFilesError, checked_folder, find_files, read_header, read_table, whole_numbers
from .schema import GroupNames
from .splits import text_splits

NAMES = GroupNames(labels=("contradiction", "entailment", "neutral"), attributes=("no negation", "negation"))
SOURCE = (
    "metadata_random.csv: scripts/prepare_dataset.py --benchmark multinli --download (group_DRO project). The sentences: multinli_1.0.zip of "
    "cims.nyu.edu/~sbowman/multinli, unpacked; or GLUE's MNLI folder."
)
_NEGATIONS = frozenset({"nobody", "no", "never", "nothing"})
_PUNCTUATION = str.maketrans("", "", string.punctuation)
_JSONL = ("multinli_1.0_train.jsonl", "multinli_1.0_dev_matched.jsonl", "multinli_1.0_dev_mismatched.jsonl")
_TSV = ("train.tsv", "dev_matched.tsv", "dev_mismatched.tsv")
_HUB_SPLITS = ("train", "validation_matched", "validation_mismatched")
_GLUE_LABELS = ("entailment", "neutral", "contradiction")


def has_negation(hypothesis: str) -> bool:
    """Whether a hypothesis holds nobody, no, never or nothing: punctuation stripped, lower-cased, split on spaces (Sagawa et al. 2020).

    >>> has_negation("No, never!"), has_negation("Nonetheless it isn't.")
    (True, False)
    """
    return not _NEGATIONS.isdisjoint(hypothesis.translate(_PUNCTUATION).lower().split())


def load_multinli(data_dir: str | Path | None = None, *, metadata: str = "metadata_random.csv", online: bool = False) -> DatasetDict:
    """Load MultiNLI: the published split, aligned by position with the sentences; every row's label is compared.

    Args:
        data_dir: Folder with the metadata, and with `multinli_1.0/` (jsonl) or GLUE's `MNLI/` (tsv).
        metadata: metadata_random.csv of the group_DRO project, or a CSV with split, y and a in the same order.
        online: Take the sentences from "nyu-mll/glue" on the Hub.

    Returns:
        Splits of 206,175, 82,462 and 123,712 rows with premise and hypothesis; attribute: negation in the hypothesis.

    Raises:
        FileNotFoundError: If files are missing.
        ValueError: If the metadata and the sentences do not align.
    """
    folder = checked_folder(data_dir, "multinli", SOURCE)
    path = find_files(folder, {"metadata": [metadata]}, SOURCE)["metadata"]
    sentences = [] if online else _sentence_files(folder)
    table = cached_table("multinli", [path, *sentences], {"online": online}, lambda: _aligned(path, sentences))
    return text_splits(table, NAMES, ["premise", "hypothesis"])


def _sentence_files(folder: Path) -> list[Path]:
    for names in (_JSONL, _TSV):
        for place in ("multinli_1.0", "MNLI", "glue_data/MNLI", "."):
            paths = [folder / place / name for name in names]
            if all(path.exists() for path in paths):
                return paths
    raise MissingFilesError(f"{str(folder)!r} lacks the sentences: {', '.join(_JSONL)} in multinli_1.0/, or {', '.join(_TSV)} in MNLI/.\n{SOURCE}")


def _aligned(metadata_path: Path, sentence_paths: list[Path]) -> pd.DataFrame:
    is_original = "gold_label" in read_header(metadata_path)
    columns = ["split", "gold_label", "sentence2_has_negation"] if is_original else ["split", "y", "a"]
    metadata = read_table(metadata_path, columns)
    ranges = (range(3), range(3), range(2))
    split, label, attribute = (whole_numbers(metadata, name, metadata_path, allowed) for name, allowed in zip(columns, ranges, strict=True))
    rows = _hub_rows() if not sentence_paths else (row for path in sentence_paths for row in _file_rows(path))
    sentences = pd.DataFrame(list(rows), columns=["gold", "premise", "hypothesis"])
    if len(sentences) != len(metadata):
        raise ValueError(
            f"{metadata_path} has {len(metadata)} rows, but there are {len(sentences)} sentence pairs with a gold label: they do not align"
        )
    gold = sentences["gold"].map({name: number for number, name in enumerate(NAMES.labels)}).to_numpy()
    if (different := gold != label).any():
        row = int(np.flatnonzero(different)[0])
        raise ValueError(
            f"{metadata_path} does not align with the sentences: {int(different.sum())} labels differ, the first is row {row} "
            f"({NAMES.labels[label[row]]} against {sentences['gold'].iloc[row]})"
        )
    return pd.DataFrame(
        {"premise": sentences["premise"], "hypothesis": sentences["hypothesis"], "split": split, "label": label, "attribute": attribute}
    )


def _file_rows(path: Path) -> Iterator[tuple[str, str, str]]:
    """Gold label, premise and hypothesis of each row that has a gold label."""
    with open(path, encoding="utf-8", newline="\n") as file:
        try:
            if path.suffix == ".jsonl":
                records = (json.loads(line) for line in file)
                yield from ((r["gold_label"], r["sentence1"], r["sentence2"]) for r in records if r["gold_label"] != "-")
            else:
                header = next(file).rstrip("\n").split("\t")
                places = [header.index(name) for name in ("gold_label", "sentence1", "sentence2")]
                for line in file:
                    cells = line.rstrip("\n").split("\t")
                    if cells[places[0]] != "-":
                        yield tuple(cells[place] for place in places)
        except UnicodeDecodeError as error:
            raise ValueError(f"{path} is not UTF-8 (byte {error.start}); fetch it again") from error
        except (json.JSONDecodeError, KeyError, IndexError, StopIteration) as error:
            raise ValueError(f"{path} is not as published ({error!r}); is the download complete?") from error


def _hub_rows() -> Iterator[tuple[str, str, str]]:
    from datasets import load_dataset

    for split in _HUB_SPLITS:
        for row in load_dataset("nyu-mll/glue", "mnli", split=split):
            yield _GLUE_LABELS[row["label"]], row["premise"], row["hypothesis"]
