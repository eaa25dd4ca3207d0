from collections import Counter

import numpy as np
import pytest
from sklearn.datasets import load_digits

from hf_fairdropout import BENCHMARKS, load_benchmark


@pytest.fixture(scope="module")
def digits():
    return load_benchmark("digits")


def test_splits_and_groups(digits):
    assert {name: len(split) for name, split in digits.items()} == {"train": 1000, "validation": 300, "test": 497}
    counts = {name: Counter(split["group"]) for name, split in digits.items()}
    for name in ("train", "validation"):
        total = sum(counts[name].values())
        assert abs((counts[name][0] + counts[name][3]) / total - 0.95) < 0.005
    assert max(counts["test"].values()) - min(counts["test"].values()) <= 13
    for split in digits.values():
        assert split["row_index"][:] == list(range(len(split)))
        assert all(g == 2 * y + a for g, y, a in zip(split["group"], split["label"], split["attribute"], strict=True))


def test_images_are_the_real_digits_on_the_ground_of_the_attribute(digits):
    row = digits["test"][3]
    pixels = np.asarray(row["image"])
    assert pixels.shape == (32, 32, 3)
    ground = pixels.reshape(-1, 3)[pixels.reshape(-1, 3).sum(1).argmin()]
    assert (ground[2] > ground[0]) == (row["attribute"] == 0)
    ink = (255 - pixels[..., 2].astype(float)) if row["attribute"] else (255 - pixels[..., 0].astype(float))
    small = ink.max() - ink.reshape(8, 4, 8, 4).mean((1, 3))
    bundled = load_digits()
    best = max(range(len(bundled.images)), key=lambda n: np.corrcoef(small.ravel(), bundled.images[n].ravel())[0, 1])
    assert (bundled.target[best] >= 5) == (row["label"] == 1)


def test_deterministic_and_seeded(digits):
    again, other = load_benchmark("digits"), load_benchmark("digits", seed=1)
    assert again["train"]["group"][:] == digits["train"]["group"][:]
    assert np.array_equal(np.asarray(again["train"][5]["image"]), np.asarray(digits["train"][5]["image"]))
    assert other["train"]["label"][:] != digits["train"]["label"][:]


def test_options_and_errors():
    assert load_benchmark("digits", image_size=16)["test"][0]["image"].size == (16, 16)
    with pytest.raises(ValueError, match="alignment=0.2"):
        load_benchmark("digits", alignment=0.2)
    with pytest.raises(ValueError, match="benchmark 'digit' is unknown.*did you mean 'digits'"):
        load_benchmark("digit")
    assert "digits" in BENCHMARKS
