"""From rows to model inputs, through the model's own processor or tokenizer."""

from typing import Any

from datasets import Array3D, DatasetDict, Features
from transformers import BaseImageProcessor, PreTrainedTokenizerBase

from .schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX

_SCHEMA = (ROW_INDEX, LABEL, ATTRIBUTE, GROUP)
_TEXT_COLUMNS = (("premise", "hypothesis"), ("sentence1", "sentence2"), ("text",), ("sentence",))


def is_image_benchmark(benchmark: DatasetDict) -> bool:
    """Whether the rows hold an image, rather than texts."""
    return "image" in next(iter(benchmark.values())).column_names


def preprocess_images(benchmark: DatasetDict, processor: BaseImageProcessor, *, cached: bool = True) -> DatasetDict:
    """Turn the column `image` into `pixel_values`, (channels, height, width).

    Args:
        benchmark: Splits with the column `image`.
        processor: The image processor of the model.
        cached: Whether to compute all of them now (fast epochs, needs room), or each when it is read.

    Returns:
        Splits with pixel_values, row_index, label, attribute and group, as tensors.
    """

    def transform(batch: dict[str, list[Any]]) -> dict[str, Any]:
        images = [image.convert("RGB") for image in batch["image"]]
        pixel_values = processor(images, return_tensors="pt")["pixel_values"]
        return {"pixel_values": pixel_values, **{name: batch[name] for name in _SCHEMA if name in batch}}

    if not cached:
        return benchmark.with_transform(transform)
    first = next(iter(benchmark.values()))
    shape = tuple(transform(first[:1])["pixel_values"].shape[1:])
    features = Features({**{name: first.features[name] for name in _SCHEMA if name in first.features}, "pixel_values": Array3D(shape, "float32")})
    return benchmark.map(
        lambda batch: {"pixel_values": transform(batch)["pixel_values"].numpy()},
        batched=True,
        batch_size=256,
        remove_columns=[name for name in first.column_names if name not in _SCHEMA],
        features=features,
        desc="preprocessing images",
    ).with_format("torch")


def text_columns(columns: list[str]) -> tuple[str, ...]:
    """The columns that hold the text, or the pair of texts.

    Raises:
        ValueError: If none of the usual names is there.

    >>> text_columns(["premise", "hypothesis", "label"])
    ('premise', 'hypothesis')
    """
    for names in _TEXT_COLUMNS:
        if set(names) <= set(columns):
            return names
    raise ValueError(
        f"the data set has neither an image nor a text column, but {sorted(columns)}; name the text `text`, or a pair `premise` and `hypothesis`"
    )


def tokenize_texts(benchmark: DatasetDict, tokenizer: PreTrainedTokenizerBase, *, max_length: int = 128) -> DatasetDict:
    """Tokenize texts, or pairs of them; padding is left to the collator.

    Args:
        benchmark: Splits with `text`, or `premise` and `hypothesis`.
        tokenizer: The tokenizer of the model.
        max_length: Longer texts are cut, in tokens (SubpopBench pads and cuts MultiNLI at 128).

    Returns:
        Splits with the tokenizer's columns, row_index, label, attribute and group.
    """
    columns = next(iter(benchmark.values())).column_names
    texts = text_columns(columns)

    def tokenize(batch: dict[str, list[str]]) -> dict[str, Any]:
        return tokenizer(*(batch[name] for name in texts), truncation=True, max_length=max_length)

    unused = [name for name in columns if name not in _SCHEMA]
    return benchmark.map(tokenize, batched=True, remove_columns=unused, desc="tokenizing")
