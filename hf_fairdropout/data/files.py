"""Reading the files of a benchmark, with errors that say what is missing and where to get it."""

import hashlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd


class MissingFilesError(FileNotFoundError):
    """Files of a benchmark are missing; the message lists all of them, and where they come from."""


def checked_folder(data_dir: str | Path | None, benchmark: str, source: str) -> Path:
    """The data folder as a path.

    Args:
        data_dir: The folder.
        benchmark: Name of the benchmark, for the error.
        source: Where its files come from, for the error.

    Raises:
        ValueError: If it was not given.
        NotADirectoryError: If it is a file.
        MissingFilesError: If it is not there.
        PermissionError: If it cannot be read.
    """
    if data_dir is None:
        raise ValueError(f"benchmark {benchmark!r} needs data_dir, the folder with its files. {source}")
    folder = Path(data_dir).expanduser()
    if folder.is_file():
        raise NotADirectoryError(f"data_dir={str(data_dir)!r} is a file; give the folder that holds the benchmark")
    if not folder.is_dir():
        raise MissingFilesError(f"data_dir={str(data_dir)!r} is not there; make it, and put the files of {benchmark} in it. {source}")
    if not os.access(folder, os.R_OK | os.X_OK):
        raise PermissionError(f"data_dir={str(data_dir)!r} cannot be read; ask its owner for the permission")
    return folder


def find_files(folder: Path, wanted: Mapping[str, Sequence[str]], source: str) -> dict[str, Path]:
    """Find each of some files under the first of its possible names.

    Args:
        folder: Where to look.
        wanted: Possible paths, relative to the folder, by what they are.
        source: Where the files come from, for the error.

    Returns:
        The path of each.

    Raises:
        MissingFilesError: If any are missing; all of them are named at once.
    """
    found = {what: next((folder / name for name in names if (folder / name).exists()), None) for what, names in wanted.items()}
    missing = [" or ".join(wanted[what]) for what, path in found.items() if path is None]
    if missing:
        listed = "\n".join(f"  - {name}" for name in missing)
        raise MissingFilesError(f"{str(folder)!r} lacks {len(missing)} of {len(wanted)} files:\n{listed}\n{source}")
    return {what: path for what, path in found.items() if path is not None}


def read_header(path: Path, **options) -> list[str]:
    """Names of the columns of a CSV.

    Raises:
        ValueError: If the file is empty, torn or not UTF-8.
    """
    return list(_read_csv(path, nrows=0, **options).columns)


def read_table(path: Path, columns: Sequence[str], **options) -> pd.DataFrame:
    """Read some columns of a CSV.

    Args:
        path: The file; compression is seen by its ending.
        columns: Which columns, in this order.
        **options: For `pandas.read_csv`.

    Raises:
        ValueError: If a column is missing, or the file is empty, torn or not UTF-8.
    """
    header = read_header(path, **{name: value for name, value in options.items() if name in ("sep", "skiprows")})
    if lacking := [name for name in columns if name not in header]:
        raise ValueError(f"{path} has no column {', '.join(map(repr, lacking))}, only {header[:12]}")
    return _read_csv(path, usecols=list(columns), **options)[list(columns)]


def _read_csv(path: Path, **options) -> pd.DataFrame:
    try:
        return pd.read_csv(path, **options)
    except UnicodeDecodeError as error:
        raise ValueError(f"{path} is not UTF-8 (byte {error.start}); save it as UTF-8") from error
    except (FileNotFoundError, PermissionError):
        raise
    except (pd.errors.EmptyDataError, pd.errors.ParserError, EOFError, OSError) as error:
        raise ValueError(f"{path} cannot be read as a table ({error}); is the download complete?") from error


def whole_numbers(table: pd.DataFrame, column: str, path: Path, allowed: range) -> np.ndarray:
    """A column as int64.

    Raises:
        ValueError: If a cell is empty, not a whole number or outside `allowed`; the message names the first one.
    """
    numbers = pd.to_numeric(table[column], errors="coerce").to_numpy(dtype=np.float64)
    bad = ~np.isin(numbers, list(allowed))
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"column {column!r} of {path} holds {str(table[column].iloc[row])!r} in row {row} ({int(bad.sum())} such rows); "
            f"it takes whole numbers from {allowed.start} to {allowed.stop - 1}"
        )
    return numbers.astype(np.int64)


def file_sha256(path: Path) -> "hashlib._Hash":
    """SHA-256 of a file, read in blocks."""
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest


def absent_files(root: Path, names: Sequence[str]) -> list[str]:
    """Which of the files are not below the folder; each folder is listed once, so that hundreds of thousands of files take a second."""
    by_parent: dict[str, set[str]] = {}
    for name in names:
        parent, _, last = name.rpartition("/")
        by_parent.setdefault(parent, set()).add(last)
    absent = set()
    for parent, lasts in by_parent.items():
        try:
            there = {entry.name for entry in os.scandir(root / parent)}
        except (FileNotFoundError, NotADirectoryError):
            there = set()
        absent.update(f"{parent}/{last}" if parent else last for last in lasts - there)
    return [name for name in names if name in absent]
