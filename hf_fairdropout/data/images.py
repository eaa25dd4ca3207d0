"""Decoding images, with errors that name the row and the file."""

import io
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from datasets import Dataset
from datasets import Image as ImageFeature
from PIL import Image
from tqdm.auto import tqdm

from .schema import ROW_INDEX


class BadImageError(ValueError):
    """An image cannot be decoded; the message names its row and file."""


def decode_image(cell: dict[str, Any], row_index: int | None = None) -> Image.Image:
    """Decode an undecoded cell of an image column to RGB.

    Args:
        cell: `{"bytes", "path"}`, as `datasets.Image(decode=False)` gives it.
        row_index: Number of the row, for the error.

    Raises:
        BadImageError: If the file is absent, truncated or no image.
    """
    source = cell["path"] if cell["bytes"] is None else io.BytesIO(cell["bytes"])
    try:
        with Image.open(source) as image:
            image.load()
            return image if image.mode == "RGB" else image.convert("RGB")
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise BadImageError(
            f"the image of row_index {row_index} cannot be decoded: {cell['path'] or 'embedded in the data set'} ({type(error).__name__}: {error}); "
            "fetch it again, or leave such rows out with on_bad_image='skip'"
        ) from error


def bad_images(split: Dataset, threads: int = 4) -> list[tuple[int, str, str]]:
    """Decode every image of a split.

    Args:
        split: With the columns image and row_index.
        threads: Images decoded at a time.

    Returns:
        Row number, file and reason of each that cannot be decoded.
    """
    undecoded = split.select_columns(["image", ROW_INDEX]).cast_column("image", ImageFeature(decode=False))

    def reason(row: dict[str, Any]) -> tuple[int, str, str] | None:
        try:
            decode_image(row["image"], row[ROW_INDEX])
        except BadImageError as error:
            return row[ROW_INDEX], str(row["image"]["path"]), str(error.__cause__)
        return None

    with ThreadPoolExecutor(threads) as pool:
        return [found for found in tqdm(pool.map(reason, undecoded), total=len(split), desc="checking images", leave=False) if found]
