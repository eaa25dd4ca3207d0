"""A resized copy of the images of a benchmark: written once, in parallel, and read in their place."""

import errno
import io
import json
import os
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

from PIL import Image
from tqdm.auto import tqdm

_MARKER = "complete.json"


def resized_folder(folder: Path, image_size: int) -> Path:
    """Folder of the finished resized copy of the images below a data folder.

    Raises:
        FileNotFoundError: If there is none, or it is unfinished.
    """
    copy = _copy_of(folder, image_size)
    if not (copy / _MARKER).exists():
        state = "unfinished" if copy.exists() else "missing"
        raise FileNotFoundError(
            f"the copy of {str(folder)!r} at {image_size} pixels is {state}; make it with scripts/prepare_dataset.py --image_size {image_size}"
        )
    return copy


def write_resized(folder: Path, names: list[str], image_size: int, processes: int | None = None, keep_bad: bool = False) -> Path:
    """Write a copy of the images whose shorter side is `image_size`; go on where an earlier call stopped.

    Each file is written beside its place and renamed, so that a kill leaves no torn image; the copy counts as finished only with its marker.

    Args:
        folder: The data folder.
        names: Paths below it.
        image_size: Length of the shorter side in pixels; smaller images keep theirs.
        processes: Worker processes; one a core by default.
        keep_bad: Copy images that cannot be decoded as they are, for `on_bad_image="skip"` to leave out, rather than raise.

    Returns:
        Folder of the copy, `resized_IMAGE_SIZE` in the data folder; paths below it are the same.

    Raises:
        OSError: If the disk is full or not writable; what was written stays, and the next call goes on.
        ValueError: If images cannot be decoded; all of them are named, the others are written.
    """
    if image_size < 1:
        raise ValueError(f"image_size={image_size}: give the length of the shorter side in pixels")
    copy = _copy_of(folder, image_size)
    marker = {"images": len(names), "image_size": image_size}
    if (copy / _MARKER).exists() and json.loads((copy / _MARKER).read_text(encoding="utf-8")) == marker:
        return copy
    for parent in sorted({str(Path(name).parent) for name in names}):
        (copy / parent).mkdir(parents=True, exist_ok=True)
    waiting = [name for name in names if not (copy / name).exists()]
    bad = []
    try:
        with ProcessPoolExecutor(processes) as pool:
            work = pool.map(partial(_resize, folder, copy, image_size, keep_bad), waiting, chunksize=32)
            bad = [
                failure for failure in tqdm(work, total=len(names), initial=len(names) - len(waiting), desc=f"resizing to {image_size}") if failure
            ]
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise OSError(
                error.errno, f"the disk of {str(copy)!r} is full; free some room and run the same command again: it goes on from here"
            ) from error
        raise
    if bad:
        raise ValueError(f"{len(bad)} images cannot be decoded, the others are written:\n" + "\n".join(f"  {failure}" for failure in bad[:20]))
    _write_whole(copy / _MARKER, json.dumps(marker).encode())
    return copy


def _copy_of(folder: Path, image_size: int) -> Path:
    return folder / f"resized_{image_size}"


def _resize(folder: Path, copy: Path, image_size: int, keep_bad: bool, name: str) -> str | None:
    """Write one image; returns why it cannot be decoded, if it cannot."""
    try:
        with Image.open(folder / name) as image:
            shorter = min(image.size)
            if shorter <= image_size:
                content = (folder / name).read_bytes()
                image.load()
            else:
                size = tuple(round(side * image_size / shorter) for side in image.size)
                content = _encoded(image.convert("RGB").resize(size, Image.Resampling.BICUBIC), image.format or "JPEG")
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EACCES, errno.ENOENT):
            raise
        if not keep_bad:
            return f"{name}: {error}"
        content = (folder / name).read_bytes()
    _write_whole(copy / name, content)
    return None


def _encoded(image: Image.Image, file_format: str) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **({"quality": 95} if file_format == "JPEG" else {}))
    return buffer.getvalue()


def _write_whole(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        temporary.write_bytes(content)
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
