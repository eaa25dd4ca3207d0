"""Benchmarks and anyone's own data, as data sets with row_index, label, attribute and group."""

import difflib
from collections.abc import Callable
from typing import Any

from datasets import DatasetDict

from .digits import load_digits_benchmark
from .row_index import add_row_index, check_row_index_column
from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX, GroupNames
from .tabled import group_dataset

BENCHMARKS: dict[str, Callable[..., DatasetDict]] = {"digits": load_digits_benchmark}
"""Builder of each benchmark by name; `digits` is embedded and takes no `data_dir`."""


def load_benchmark(name: str, data_dir: str | None = None, **options: Any) -> DatasetDict:
    """Load a benchmark.

    Args:
        name: One of `BENCHMARKS`.
        data_dir: Folder with the files of the benchmark; the embedded one has none.
        **options: Of the builder, such as `seed` for `digits`.

    Returns:
        Splits train, validation and test with columns row_index, label, attribute, group and image or text.

    Raises:
        ValueError: If the name is unknown.
    """
    if name not in BENCHMARKS:
        near = difflib.get_close_matches(name, BENCHMARKS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"benchmark {name!r} is unknown; choose one of {', '.join(sorted(BENCHMARKS))}{hint}")
    return BENCHMARKS[name](**options) if data_dir is None else BENCHMARKS[name](data_dir=data_dir, **options)


__all__ = [
    "ATTRIBUTE",
    "BENCHMARKS",
    "GROUP",
    "LABEL",
    "ROW_INDEX",
    "GroupNames",
    "add_row_index",
    "check_row_index_column",
    "group_dataset",
    "load_benchmark",
]
