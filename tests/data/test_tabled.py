import json

import layouts
import pandas as pd
import pytest

from hf_fairdropout import load_benchmark

pytestmark = pytest.mark.filterwarnings("ignore:the .* split has no row")


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def write(folder, **columns):
    pd.DataFrame(columns).to_csv(folder / "metadata.csv", index=False)


def test_images_with_names(tmp_path):
    names = [f"pictures/{n}.jpg" for n in range(6)]
    for name in names:
        layouts.jpeg(tmp_path / name)
    write(tmp_path, filename=names, split=[0, 0, 1, 1, 2, 2], y=[0, 1] * 3, a=[1, 0] * 3)
    (tmp_path / "names.json").write_text(json.dumps({"labels": ["cat", "dog"], "attributes": ["in", "out"]}))
    data = load_benchmark("tabled", tmp_path)
    assert data["test"]["group"][:] == [1, 2]
    assert data["test"].features["group"].names == ["cat/in", "cat/out", "dog/in", "dog/out"]
    assert data["test"][1]["image"].size == (12, 10)
    assert load_benchmark("tabled", tmp_path, label_names=["a", "b"])["test"].features["label"].names == ["a", "b"]


def test_texts_pairs_and_no_attribute(tmp_path):
    write(tmp_path, text=["one", "NA", "three, four"], split=["train", "val", "test"], y=[0, 1, 1])
    data = load_benchmark("tabled", tmp_path)
    assert [data[split]["text"][0] for split in data] == ["one", "NA", "three, four"]
    assert data["test"]["group"][:] == [1]
    assert data["test"].features["attribute"].names == ["none"]
    write(tmp_path, premise=["a", "b"], hypothesis=["c", "d"], split=[0, 2], y=[0, 1], a=[0, 1])
    assert load_benchmark("tabled", tmp_path)["test"]["hypothesis"][:] == ["d"]


GOOD = {"text": ["a", "b", "c"], "split": [0, 1, 2], "y": [0, 1, 0], "a": [0, 1, 1]}


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({**GOOD, "split": [0, 1, 4]}, "'split' .* holds '4' in row 2; it takes 0, 1, 2 or train"),
        ({**GOOD, "y": [0, -1, 0]}, "'y' .* holds '-1' in row 1"),
        ({**GOOD, "y": [0, 0.5, 0]}, "'y' .* holds '0.5' in row 1"),
        ({**GOOD, "y": [0, None, 0]}, "'y' .* in row 1"),
        ({**GOOD, "y": [1, 1, 1]}, "one class only"),
        ({**GOOD, "text": ["a", None, "c"]}, "'text' .* empty in 1 rows, the first is row 1"),
        ({name: cells for name, cells in GOOD.items() if name != "y"}, "has no column 'y'"),
        ({name: cells for name, cells in GOOD.items() if name != "text"}, "has no column `filename`"),
        ({"filename": ["x.jpg", "x.jpg"], "split": [0, 1], "y": [0, 1]}, "names 1 images twice, the first is 'x.jpg' in row 1"),
    ],
)
def test_bad_metadata(tmp_path, columns, message):
    write(tmp_path, **columns)
    with pytest.raises(ValueError, match=message):
        load_benchmark("tabled", tmp_path)


def test_missing_csv_images_and_names(tmp_path):
    with pytest.raises(FileNotFoundError, match="metadata.csv"):
        load_benchmark("tabled", tmp_path)
    write(tmp_path, filename=["x.jpg", "y.jpg"], split=[0, 1], y=[0, 1])
    with pytest.raises(FileNotFoundError, match="2 of 2 images are not in"):
        load_benchmark("tabled", tmp_path)
    with pytest.raises(ValueError, match="label_names has 1 names"):
        load_benchmark("tabled", tmp_path, label_names=["a"])
    write(tmp_path, **GOOD)
    with pytest.raises(ValueError, match="are for images"):
        load_benchmark("tabled", tmp_path, image_size=64)
