"""Benchmarks and anyone's own data, as data sets with row_index, label, attribute and group."""

import difflib
from collections.abc import Callable
from typing import Any

from datasets import DatasetDict

from .celeba import load_celeba
from .digits import load_digits_benchmark
from .grouping import group_dataset
from .metashift import load_metashift
from .mimic_cxr import load_mimic_cxr
from .multinli import load_multinli
from .row_index import add_row_index, check_row_index_column
from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX, GroupNames
from .tabled import load_tabled
from .waterbirds import load_waterbirds

BENCHMARKS: dict[str, Callable[..., DatasetDict]] = {
    "waterbirds": load_waterbirds,
    "celeba": load_celeba,
    "metashift": load_metashift,
    "multinli": load_multinli,
    "mimic_cxr": load_mimic_cxr,
    "digits": load_digits_benchmark,
}
"""Builder of each benchmark by name; `digits` is embedded and takes no `data_dir`."""


def load_benchmark(name: str, data_dir: str | None = None, **options: Any) -> DatasetDict:
    """Load a benchmark.

    Args:
        name: One of `BENCHMARKS`, or `"tabled"` for a metadata CSV of one's own (see `load_tabled`).
        data_dir: Folder with the files of the benchmark; the embedded one has none.
        **options: Of the builder, such as `seed` for `digits`, `image_size` for images, `metadata` for a CSV.

    Returns:
        Splits train, validation and test with columns row_index, label, attribute, group and image, or premise and hypothesis, or text.

    Raises:
        ValueError: If the name is unknown, an option is not the builder's, or the files are not as published.
        FileNotFoundError: If files are missing; all of them are named.
    """
    builders = {**BENCHMARKS, "tabled": load_tabled}
    if name not in builders:
        near = difflib.get_close_matches(name, builders, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"benchmark {name!r} is unknown; choose one of {', '.join(sorted(builders))}{hint}")
    if name == "digits":
        if data_dir is not None:
            raise ValueError(f"data_dir={data_dir!r}, but benchmark 'digits' is embedded and reads no files; leave it out")
        return load_digits_benchmark(**options)
    return builders[name](data_dir, **options)


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
