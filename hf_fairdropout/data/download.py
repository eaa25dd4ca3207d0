"""Downloading: resumable, checked, and whole or not there at all."""

import os
import shutil
import tarfile
import tempfile
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tqdm.auto import tqdm

from .files import file_sha256


class Download(NamedTuple):
    """A file that its owner lets anyone fetch.

    Attributes:
        name: File name below the data folder.
        mirrors: Addresses, the first that answers is used.
        sha256: Checksum, or None where none is published; the contents are then checked by `--verify`.
        unpacks_to: Folder that the archive unpacks to, or None for a plain file.
    """

    name: str
    mirrors: tuple[str, ...]
    sha256: str | None = None
    unpacks_to: str | None = None


DOWNLOADS: dict[str, tuple[Download, ...]] = {
    "waterbirds": (
        Download(
            "waterbird_complete95_forest2water2.tar.gz",
            (
                "https://nlp.stanford.edu/data/dro/waterbird_complete95_forest2water2.tar.gz",
                "https://downloads.cs.stanford.edu/nlp/data/dro/waterbird_complete95_forest2water2.tar.gz",
            ),
            unpacks_to="waterbird_complete95_forest2water2",
        ),
    ),
    "multinli": (
        Download(
            "metadata_random.csv",
            ("https://raw.githubusercontent.com/kohpangwei/group_DRO/master/dataset_metadata/multinli/metadata_random.csv",),
        ),
    ),
}
"""The benchmarks whose licence allows fetching them without a signature. Neither owner publishes checksums."""


def fetch(download: Download, folder: Path) -> Path:
    """Fetch a file, and unpack it if it is an archive; go on where an earlier call stopped.

    Args:
        download: What to fetch.
        folder: Where it goes.

    Returns:
        The file, or the folder that it was unpacked to.

    Raises:
        OSError: If no mirror answers, or the disk is full or not writable.
        ValueError: If the file has another checksum; it is then removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    target = folder / (download.unpacks_to or download.name)
    if target.exists():
        return target
    archive = folder / download.name
    if not archive.exists():
        part = archive.with_name(f"{archive.name}.part")
        _fetch_any(download.mirrors, part)
        check_sha256(part, download.sha256)
        os.replace(part, archive)
    if download.unpacks_to:
        _unpack(archive, target)
    return target


def check_sha256(path: Path, expected: str | None) -> None:
    """Raise a ValueError, and remove the file, if its SHA-256 is not the expected one."""
    if expected is None:
        return
    found = file_sha256(path).hexdigest()
    if found != expected:
        path.unlink()
        raise ValueError(f"{path.name} has SHA-256 {found}, not {expected}: the download was damaged or changed, and is removed; run it again")


def _fetch_any(mirrors: Sequence[str], part: Path) -> None:
    failures = []
    for address in mirrors:
        try:
            return _fetch(address, part)
        except (urllib.error.URLError, ConnectionError, TimeoutError) as error:
            failures.append(f"  {address}: {error}")
    raise OSError(f"{part.stem} cannot be fetched; what came so far is kept, run it again:\n" + "\n".join(failures))


def _fetch(address: str, part: Path) -> None:
    """Append what is missing to the partial file; a server that cannot resume is read from the start."""
    have = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(address, headers={"User-Agent": "hf_fairdropout", **({"Range": f"bytes={have}-"} if have else {})})
    try:
        answer = urllib.request.urlopen(request, timeout=60)
    except urllib.error.HTTPError as error:
        if error.code == 416 and have:  # nothing is missing
            return
        raise
    with answer:
        resumed = answer.status == 206
        length = answer.headers.get("Content-Length")
        total = int(length) + (have if resumed else 0) if length else None
        with (
            open(part, "ab" if resumed else "wb") as file,
            tqdm(total=total, initial=have if resumed else 0, unit="B", unit_scale=True, desc=part.stem) as bar,
        ):
            while block := answer.read(1 << 18):
                file.write(block)
                bar.update(len(block))
        if total is not None and part.stat().st_size != total:
            raise ConnectionError(f"the connection ended after {part.stat().st_size} of {total} bytes")


def _unpack(archive: Path, target: Path) -> None:
    """Unpack beside the target, then rename: a folder that is there is whole."""
    temporary = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{target.name}.", suffix=".part"))
    try:
        with tarfile.open(archive) as file:
            for member in tqdm(file, desc=f"unpacking {archive.name}", unit="file"):
                file.extract(member, temporary, filter="data")
        if not (temporary / target.name).is_dir():
            raise ValueError(f"{archive} does not hold the folder {target.name!r}; remove it and run this again")
        os.replace(temporary / target.name, target)
    except (tarfile.TarError, EOFError) as error:
        archive.unlink()
        raise ValueError(f"{archive.name} is damaged ({error}) and is removed; run this again") from error
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
