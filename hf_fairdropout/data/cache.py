"""A cache of parsed metadata, keyed by the contents of the files that it was parsed from."""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import datasets
import pandas as pd
import pyarrow as pa

from .files import file_sha256

_FORMAT = 2  # part of the key: raise it when a builder comes to parse its files differently


def cached_table(benchmark: str, sources: Sequence[Path], options: dict[str, Any], build: Callable[[], pd.DataFrame]) -> pa.Table:
    """The table that `build` makes, from the cache where the same files were parsed before.

    The table holds relative paths only, so that a data folder may move. An edited file has another key.

    Args:
        benchmark: Name, for the file.
        sources: Files that the table depends on.
        options: JSON values that it depends on.
        build: Makes the table.

    Returns:
        The table, mapped into memory.
    """
    digest = hashlib.sha256(json.dumps([_FORMAT, benchmark, options], sort_keys=True).encode())
    for source in sources:
        digest.update(file_sha256(source).digest())
    path = Path(datasets.config.HF_DATASETS_CACHE) / "hf_fairdropout" / f"{benchmark}-{digest.hexdigest()[:32]}.arrow"
    if not path.exists():
        _write(pa.Table.from_pandas(build(), preserve_index=False), path)
    with pa.memory_map(str(path)) as mapped:
        return pa.ipc.open_file(mapped).read_all()


def _write(table: pa.Table, path: Path) -> None:
    """Write beside the path, then rename: a reader finds the whole table or none."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".part")
    os.close(handle)
    try:
        with pa.OSFile(temporary, "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
            writer.write_table(table)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise
