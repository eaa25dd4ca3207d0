"""From rows to model inputs, through the model's own processor or tokenizer."""

from collections.abc import Callable
from typing import Any

import torch
from datasets import Array3D, DatasetDict, Features
from datasets import Image as ImageFeature
from PIL import Image
from transformers import BaseImageProcessor, PreTrainedTokenizerBase

from .images import decode_image
from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX

ImageTransform = Callable[[Image.Image], torch.Tensor]
_SCHEMA = (ROW_INDEX, LABEL, ATTRIBUTE, GROUP)
_TEXT_COLUMNS = (("premise", "hypothesis"), ("sentence1", "sentence2"), ("text",), ("sentence",))

# The steps of SubpopBench (Yang et al. 2023) for the images of its benchmarks, in pixels.
_SUBPOPBENCH_CROPS: dict[str, tuple[tuple[str, Any], ...]] = {
    "waterbirds": (("squash", 256), ("centre", 224)),
    "celeba": (("centre", 178), ("resize", 224)),
    "metashift": (("resize", 256), ("centre", 224)),
    "mimic_cxr": (("resize", 256), ("centre", 224)),
}


def is_image_benchmark(benchmark: DatasetDict) -> bool:
    """Whether the rows hold an image, rather than texts."""
    return "image" in next(iter(benchmark.values())).column_names


def processor_transform(processor: BaseImageProcessor) -> ImageTransform:
    """What the model's own processor does with one image: (channels, height, width)."""
    return lambda image: processor(image, return_tensors="pt")["pixel_values"][0]


def benchmark_transform(name: str, processor: BaseImageProcessor, *, augment: bool = False) -> ImageTransform:
    """The benchmark's own transforms at 224 pixels, normalised as the model's processor says.

    Waterbirds: resize to 256 × 256, centre 224. CelebA: centre 178, resize to 224. MetaShift and MIMIC-CXR: shorter side 256, centre 224
    (SubpopBench; no augmentation).

    Args:
        name: Name of the benchmark; one without transforms of its own goes through `processor_transform`.
        processor: Has the mean and the standard deviation.
        augment: Whether to train on random crops and flips in place of the resize and the centre (not in the paper).

    Returns:
        Image to tensor of shape (3, 224, 224).
    """
    from torchvision import transforms

    if name not in _SUBPOPBENCH_CROPS and not augment:
        return processor_transform(processor)
    if augment:
        size = 224 if name in _SUBPOPBENCH_CROPS else processor.size.get("height") or processor.size.get("shortest_edge")
        crops = [transforms.RandomResizedCrop(size, scale=(0.7, 1.0)), transforms.RandomHorizontalFlip()]
    else:
        step_of = {
            "squash": lambda size: transforms.Resize((size, size)),
            "resize": lambda size: transforms.Resize(size),
            "centre": lambda size: transforms.CenterCrop(size),
        }
        crops = [step_of[step](size) for step, size in _SUBPOPBENCH_CROPS[name]]
    return transforms.Compose([*crops, transforms.ToTensor(), transforms.Normalize(processor.image_mean, processor.image_std)])


def preprocess_images(
    benchmark: DatasetDict, transform: ImageTransform, *, cached: bool = True, train_transform: ImageTransform | None = None
) -> DatasetDict:
    """Turn the column `image` into `pixel_values`, (channels, height, width).

    Args:
        benchmark: Splits with the column `image`.
        transform: From `processor_transform` or `benchmark_transform`.
        cached: Whether to compute all of them now (fast epochs, needs room), or each when it is read.
        train_transform: Another one for the train split, such as an augmentation; that split is then never cached.

    Returns:
        Splits with pixel_values, row_index, label, attribute and group, as tensors.

    Raises:
        BadImageError: When an image that cannot be decoded is met; at once if `cached`.
    """
    undecoded = benchmark.cast_column("image", ImageFeature(decode=False))
    prepare = _cached if cached else _lazy
    made = {name: prepare(split, transform) for name, split in undecoded.items() if name != "train" or train_transform is None}
    if train_transform is not None:
        made = {"train": _lazy(undecoded["train"], train_transform), **made}
    return DatasetDict(made)


def _pixel_values(batch: dict[str, list[Any]], transform: ImageTransform) -> list[torch.Tensor]:
    rows = batch.get(ROW_INDEX) or [None] * len(batch["image"])
    return [transform(decode_image(cell, row)) for cell, row in zip(batch["image"], rows, strict=True)]


def _lazy(split, transform: ImageTransform):
    def read(batch: dict[str, list[Any]]) -> dict[str, Any]:
        return {"pixel_values": _pixel_values(batch, transform), **{name: batch[name] for name in _SCHEMA if name in batch}}

    return split.with_transform(read)


def _cached(split, transform: ImageTransform):
    if not len(split):
        raise ValueError("a split has no rows, so there is nothing to preprocess; every benchmark has train, validation and test rows")
    features = {name: split.features[name] for name in _SCHEMA if name in split.features}
    shape = tuple(_pixel_values(split[:1], transform)[0].shape)
    return split.map(
        lambda batch: {"pixel_values": [values.numpy() for values in _pixel_values(batch, transform)]},
        batched=True,
        batch_size=256,
        remove_columns=[name for name in split.column_names if name not in _SCHEMA],
        features=Features({**features, "pixel_values": Array3D(shape, "float32")}),
        desc="preprocessing images",
    ).with_format("torch")


def text_columns(columns: list[str]) -> tuple[str, ...]:
    """The columns that hold the text, or the pair of texts; none if none of the usual names is there.

    >>> text_columns(["premise", "hypothesis", "label"])
    ('premise', 'hypothesis')
    """
    return next((names for names in _TEXT_COLUMNS if set(names) <= set(columns)), ())


def tokenize_texts(benchmark: DatasetDict, tokenizer: PreTrainedTokenizerBase, *, max_length: int = 128, cached: bool = True) -> DatasetDict:
    """Tokenize texts, or pairs of them; padding is left to the collator.

    Args:
        benchmark: Splits with `text`, or `premise` and `hypothesis`.
        tokenizer: The tokenizer of the model.
        max_length: Longer texts are cut, in tokens (SubpopBench pads and cuts MultiNLI at 128).
        cached: Whether to tokenize all of them now, or each when it is read.

    Returns:
        Splits with the tokenizer's columns, row_index, label, attribute and group.

    Raises:
        ValueError: If no column has one of the usual names of texts.
    """
    columns = next(iter(benchmark.values())).column_names
    texts = text_columns(columns)
    if not texts:
        raise ValueError(
            f"the data set has neither an image nor a text column, but {sorted(columns)}; name the text `text`, or a pair `premise` and `hypothesis`"
        )

    def tokenize(batch: dict[str, list[str]]) -> dict[str, Any]:
        return dict(tokenizer(*(batch[name] for name in texts), truncation=True, max_length=max_length))

    if not cached:
        return benchmark.with_transform(lambda batch: {**tokenize(batch), **{name: batch[name] for name in _SCHEMA if name in batch}})
    unused = [name for name in columns if name not in _SCHEMA]
    return benchmark.map(tokenize, batched=True, remove_columns=unused, desc="tokenizing")
