import layouts
import pytest
import torch
from datasets import Dataset, DatasetDict
from datasets import Image as ImageFeature
from PIL import Image
from torchvision.transforms import functional
from transformers import BertTokenizer, ViTImageProcessor

from hf_fairdropout import load_benchmark
from hf_fairdropout.data.images import BadImageError
from hf_fairdropout.data.preprocessing import benchmark_transform, preprocess_images, processor_transform, tokenize_texts

PROCESSOR = ViTImageProcessor(size={"height": 32, "width": 32}, image_mean=[0.5, 0.4, 0.3], image_std=[0.2, 0.2, 0.3])
PICTURE = Image.effect_noise((300, 260), 80).convert("RGB")


def normalised(image):
    return functional.normalize(functional.to_tensor(image), PROCESSOR.image_mean, PROCESSOR.image_std)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("waterbirds", lambda: functional.center_crop(functional.resize(PICTURE, [256, 256]), [224, 224])),
        ("celeba", lambda: functional.resize(functional.center_crop(PICTURE, [178, 178]), [224, 224])),
        ("metashift", lambda: functional.center_crop(functional.resize(PICTURE, [256]), [224, 224])),
        ("mimic_cxr", lambda: functional.center_crop(functional.resize(PICTURE, [256]), [224, 224])),
    ],
)
def test_benchmark_transforms(name, expected):
    assert torch.equal(benchmark_transform(name, PROCESSOR)(PICTURE), normalised(expected()))


def test_other_data_go_through_the_processor():
    values = benchmark_transform("tabled", PROCESSOR)(PICTURE)
    assert values.shape == (3, 32, 32)
    assert torch.equal(values, PROCESSOR(PICTURE, return_tensors="pt")["pixel_values"][0])


def test_lazy_and_cached_agree_and_keep_the_schema():
    digits = load_benchmark("digits").filter(lambda row: row["row_index"] < 20)
    lazy = preprocess_images(digits, processor_transform(PROCESSOR), cached=False)
    cached = preprocess_images(digits, processor_transform(PROCESSOR))
    assert torch.equal(torch.stack(lazy["test"][:]["pixel_values"]), cached["test"][:]["pixel_values"])
    assert cached["test"].column_names == ["row_index", "label", "attribute", "group", "pixel_values"]
    assert lazy["test"][3]["row_index"] == cached["test"][3]["row_index"] == 3


def test_augmentation_is_of_the_train_split_only():
    digits = load_benchmark("digits").filter(lambda row: row["row_index"] < 4)
    plain = processor_transform(PROCESSOR)
    made = preprocess_images(digits, plain, train_transform=benchmark_transform("digits", PROCESSOR, augment=True))
    assert made["train"][0]["pixel_values"].shape == (3, 32, 32)
    assert not torch.equal(made["train"][0]["pixel_values"], made["train"][0]["pixel_values"])
    assert torch.equal(made["test"][0]["pixel_values"], plain(digits["test"][0]["image"]))


@pytest.mark.parametrize("cached", [True, False])
def test_a_torn_image_is_named(tmp_path, cached):
    layouts.jpeg(tmp_path / "good.jpg", size=(64, 64))
    (tmp_path / "torn.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:300])
    data = Dataset.from_dict({"image": [str(tmp_path / "good.jpg"), str(tmp_path / "torn.jpg")], "row_index": [8, 9]})
    data = data.cast_column("image", ImageFeature())
    with pytest.raises(BadImageError, match="row_index 9 cannot be decoded: .*torn.jpg"):
        preprocess_images(DatasetDict({"train": data}), processor_transform(PROCESSOR), cached=cached)["train"][:]


def test_pairs_are_tokenized_together(tmp_path):
    (tmp_path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "a", "b", "c"]))
    tokenizer = BertTokenizer(str(tmp_path / "vocab.txt"))
    data = DatasetDict({"train": Dataset.from_dict({"premise": ["a b", "c " * 50], "hypothesis": ["c", "a"], "label": [0, 1], "row_index": [0, 1]})})
    made = tokenize_texts(data, tokenizer, max_length=12)["train"]
    assert made["input_ids"][0] == tokenizer("a b", "c")["input_ids"]
    assert len(made["input_ids"][1]) == 12
    assert "premise" not in made.column_names
    lazy = tokenize_texts(data, tokenizer, max_length=12, cached=False)["train"]
    assert lazy[0]["input_ids"] == made["input_ids"][0]
    assert lazy[1]["row_index"] == 1
    with pytest.raises(ValueError, match="neither an image nor a text column"):
        tokenize_texts(DatasetDict({"train": Dataset.from_dict({"x": [1]})}), tokenizer)
