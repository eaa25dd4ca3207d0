"""The embedded benchmark: scikit-learn's handwritten digits, spuriously correlated with the colour of their ground.

Needs no network and no files. The digits are real (UCI Optical Recognition of Handwritten Digits, as bundled with scikit-learn); the ground is ours.
"""

import numpy as np
from datasets import Dataset, DatasetDict, Features, Image
from PIL import Image as PillowImage

from .row_index import add_row_index
from .schema import GroupNames, with_groups

NAMES = GroupNames(labels=("0-4", "5-9"), attributes=("blue", "orange"))
SPLIT_SIZES = {"train": 1000, "validation": 300, "test": 497}
_GROUND = np.array([[52, 104, 190], [230, 140, 40]], dtype=np.float32)
_INK = np.float32(255)


def load_digits_benchmark(*, alignment: float = 0.95, image_size: int = 32, seed: int = 0) -> DatasetDict:
    """Handwritten digits on coloured ground: label = digit ≥ 5, attribute = colour of the ground.

    Args:
        alignment: Share of the rows of train and validation where the colour tells the label; test is balanced.
        image_size: Height and width of the images, in pixels.
        seed: Which digits are in which split, and which have the other colour.

    Returns:
        Splits train (1,000 rows), validation (300) and test (497) with columns image, row_index, label, attribute, group.

    Raises:
        ValueError: If `alignment` is outside [0.5, 1].
    """
    from sklearn.datasets import load_digits

    if not 0.5 <= alignment <= 1:
        raise ValueError(f"alignment={alignment}: give the share of rows whose colour tells the label, from 0.5 (none is told) to 1 (all)")
    digits = load_digits()
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(digits.target))
    splits, start = {}, 0
    for split, size in SPLIT_SIZES.items():
        rows = order[start : start + size]
        start += size
        labels = (digits.target[rows] >= 5).astype(int)
        attributes = _attributes(labels, 0.5 if split == "test" else alignment, generator)
        images = [_draw(digits.images[row], _GROUND[attribute], image_size) for row, attribute in zip(rows, attributes, strict=True)]
        dataset = Dataset.from_dict({"image": images}, features=Features({"image": Image()}))
        splits[split] = with_groups(add_row_index(dataset), labels.tolist(), attributes.tolist(), NAMES)
    return DatasetDict(splits)


def _attributes(labels: np.ndarray, alignment: float, generator: np.random.Generator) -> np.ndarray:
    """The label's own colour for a share `alignment` of each class, the other colour for the rest."""
    attributes = labels.copy()
    for label in (0, 1):
        rows = generator.permutation(np.flatnonzero(labels == label))
        attributes[rows[: round((1 - alignment) * len(rows))]] = 1 - label
    return attributes


def _draw(digit: np.ndarray, ground: np.ndarray, image_size: int) -> PillowImage.Image:
    """White ink on the ground; `digit` is (8, 8) with ink from 0 to 16."""
    ink = PillowImage.fromarray((digit / 16 * 255).astype(np.uint8)).resize((image_size, image_size), PillowImage.Resampling.BILINEAR)
    share = np.asarray(ink, dtype=np.float32)[..., None] / 255
    return PillowImage.fromarray((ground + share * (_INK - ground)).astype(np.uint8))
