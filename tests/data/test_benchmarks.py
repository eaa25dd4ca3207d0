import shutil
import warnings

import layouts
import numpy as np
import pandas as pd
import pytest
from datasets import Image as ImageFeature
from sklearn.model_selection import train_test_split

from hf_fairdropout import load_benchmark
from hf_fairdropout.data.metashift import published_rule
from hf_fairdropout.data.published import PUBLISHED, compare_with_published

pytestmark = pytest.mark.filterwarnings("ignore:the .* split has no row")


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def paths(split):
    return [cell["path"] for cell in split.cast_column("image", ImageFeature(decode=False))["image"]]


@pytest.mark.parametrize("where", ["data", "data/waterbird_complete95_forest2water2"])
def test_waterbirds_by_hand(tmp_path, where):
    table = layouts.waterbirds(tmp_path / "data")
    data = load_benchmark("waterbirds", tmp_path / where)
    for number, split in enumerate(("train", "validation", "test")):
        rows = table[table["split"] == number]
        assert data[split]["label"][:] == rows["y"].tolist()
        assert data[split]["attribute"][:] == rows["place"].tolist()
        assert data[split]["group"][:] == (2 * rows["y"] + rows["place"]).tolist()
        assert data[split]["row_index"][:] == list(range(len(rows)))
        assert [path.rsplit("/", 1)[1] for path in paths(data[split])] == [name.rsplit("/", 1)[1] for name in rows["img_filename"]]
    assert data["train"].features["group"].names == ["landbird/land", "landbird/water", "waterbird/land", "waterbird/water"]
    assert data["train"][0]["image"].size == (12, 10)


def test_waterbirds_from_a_subpopbench_csv(tmp_path):
    table = layouts.waterbirds(tmp_path)
    form = table.rename(columns={"img_id": "id", "img_filename": "filename", "place": "a"})[["id", "filename", "split", "y", "a"]]
    form.to_csv(tmp_path / "metadata_waterbirds.csv", index=False)
    ours = load_benchmark("waterbirds", tmp_path, metadata="metadata_waterbirds.csv")
    assert all(ours[split]["group"][:] == rows["group"][:] for split, rows in load_benchmark("waterbirds", tmp_path).items())


@pytest.mark.parametrize("form", ["txt", "csv"])
def test_celeba_by_hand(tmp_path, form):
    layouts.celeba(tmp_path, form)
    data = load_benchmark("celeba", tmp_path)
    assert data["validation"]["label"][:] == [0, 1, 0, 1]
    assert data["validation"]["attribute"][:] == [0, 0, 1, 1]
    assert paths(data["test"])[0].endswith("img_align_celeba/000003.jpg")
    assert data["train"].features["label"].names == ["not blond", "blond"]


def test_metashift_reads_the_published_split_and_says_when_it_is_another(tmp_path):
    names = layouts.metashift(tmp_path)
    with pytest.warns(UserWarning, match="not the published split"):
        listed = load_benchmark("metashift", tmp_path)
    assert sum(map(len, listed.values())) == 40
    assert listed["train"].features["group"].names == ["dog/outdoor", "dog/indoor", "cat/outdoor", "cat/indoor"]
    indoor_cat = next(at for at, path in enumerate(paths(listed["train"])) if "cat(indoor)" in path)
    assert listed["train"]["group"][indoor_cat] == 3
    reverse = names[::-1]
    codes = [(int("/cat/" in name), int("indoor)" in name)) for name in reverse]
    table = pd.DataFrame({"filename": reverse, "y": [y for y, _ in codes], "a": [a for _, a in codes], "split": published_rule(40)})
    table.to_csv(tmp_path / "metadata_metashift.csv", index=False)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", message=".*not the published split")
        published = load_benchmark("metashift", tmp_path)
    expected = table[table["split"] == 2]
    assert published["test"]["group"][:] == (2 * expected["y"] + expected["a"]).tolist()


def test_metashift_rule_has_the_published_sizes():
    split = published_rule(sum(PUBLISHED["metashift"].sizes))
    assert tuple(np.bincount(split)) == PUBLISHED["metashift"].sizes


@pytest.mark.parametrize("form", ["jsonl", "tsv"])
def test_multinli_aligns_every_row(tmp_path, form):
    metadata = layouts.multinli(tmp_path, form)
    data = load_benchmark("multinli", tmp_path)
    for number, split in enumerate(("train", "validation", "test")):
        rows = metadata[metadata["split"] == number]
        assert data[split]["premise"][:] == [f'premise {n} with “quotes" in it' for n in rows.index]
        assert [("never" in text) for text in data[split]["hypothesis"]] == (rows["sentence2_has_negation"] == 1).tolist()
        assert data[split]["label"][:] == rows["gold_label"].tolist()
    assert data["train"].features["label"].names == ["contradiction", "entailment", "neutral"]


def test_multinli_that_does_not_align_is_refused(tmp_path):
    metadata = layouts.multinli(tmp_path, "jsonl")
    metadata.loc[4, "gold_label"] = (metadata.loc[4, "gold_label"] + 1) % 3
    metadata.to_csv(tmp_path / "metadata_random.csv")
    with pytest.raises(ValueError, match="1 labels differ, the first is row 4"):
        load_benchmark("multinli", tmp_path)
    metadata.iloc[:-1].to_csv(tmp_path / "metadata_random.csv")
    with pytest.raises(ValueError, match="has 32 rows, but there are 33 sentence pairs"):
        load_benchmark("multinli", tmp_path)


def test_mimic_by_hand(tmp_path):
    metadata = layouts.mimic(tmp_path)
    data = load_benchmark("mimic_cxr", tmp_path)
    subjects = 10_000_000 + 977 * np.arange(60)
    number_of = {subject: n for n, subject in enumerate(subjects)}
    kept = metadata[metadata["subject_id"] != subjects[5]].reset_index()
    attribute = []
    for subject in kept["subject_id"]:
        n = number_of[subject]
        race = 2 if n % 10 == 9 else n // 2 % 3
        attribute.append(2 * race + n % 2)
    rest, test = train_test_split(np.arange(len(kept)), test_size=0.1, stratify=attribute, random_state=42)
    expected = kept.iloc[sorted(test)]
    assert [path.rsplit("/", 1)[1] for path in paths(data["test"])] == [f"{name}.jpg" for name in expected["dicom_id"]]
    assert data["test"]["attribute"][:] == [attribute[at] for at in sorted(test)]
    assert data["test"]["label"][:] == [int(at % 3 == 0) for at in expected["index"]]


def test_mimic_by_patient_keeps_patients_together(tmp_path):
    layouts.mimic(tmp_path, patients=240)
    splits = load_benchmark("mimic_cxr", tmp_path, split_by="patient")
    patients = [{path.split("/")[-3] for path in paths(split)} for split in splits.values()]
    assert not patients[0] & patients[1]
    assert not patients[0] & patients[2]
    by_image = [{path.split("/")[-3] for path in paths(split)} for split in load_benchmark("mimic_cxr", tmp_path).values()]
    assert by_image[0] & by_image[2]


def test_edited_metadata_is_read_anew(tmp_path):
    layouts.waterbirds(tmp_path)
    before = load_benchmark("waterbirds", tmp_path)["train"]["label"][:]
    path = tmp_path / "waterbird_complete95_forest2water2" / "metadata.csv"
    table = pd.read_csv(path)
    table["y"] = 1 - table["y"]
    table.to_csv(path, index=False)
    assert load_benchmark("waterbirds", tmp_path)["train"]["label"][:] == [1 - label for label in before]


def test_cache_is_used_and_moving_the_folder_keeps_working(tmp_path, monkeypatch):
    layouts.celeba(tmp_path / "here", "csv")
    first = load_benchmark("celeba", tmp_path / "here")
    monkeypatch.setattr("hf_fairdropout.data.celeba._read", lambda *_: pytest.fail("parsed again"))
    shutil.move(tmp_path / "here", tmp_path / "there")
    second = load_benchmark("celeba", tmp_path / "there")
    assert second["test"]["group"][:] == first["test"]["group"][:]
    assert second["test"][0]["image"].size == (12, 10)


def test_num_proc_gives_the_same_rows_in_the_same_order(tmp_path):
    layouts.waterbirds(tmp_path)
    split = load_benchmark("waterbirds", tmp_path)["train"]
    assert split.map(lambda row: {"twice": 2 * row["row_index"]}, num_proc=2)["twice"][:] == [0, 2, 4, 6]


def test_comparison_with_table_one(tmp_path):
    layouts.waterbirds(tmp_path)
    rows, is_exact = compare_with_published("waterbirds", load_benchmark("waterbirds", tmp_path))
    assert not is_exact
    assert ("train", "4", "4795", "-4791") in rows


ARCHIVE = "waterbird_complete95_forest2water2"


def lose(tmp_path, *names):
    for name in names:
        (tmp_path / name).unlink()


@pytest.mark.parametrize(
    ("name", "build", "spoil", "message"),
    [
        ("waterbirds", layouts.waterbirds, lambda p: shutil.rmtree(p / "waterbird_complete95_forest2water2"), "lacks 1 of 1 files"),
        ("celeba", lambda p: layouts.celeba(p, "txt"), lambda p: lose(p, "list_attr_celeba.txt", "list_eval_partition.txt"),
         "lacks 2 of 3 files(.|\n)*list_eval_partition.txt or(.|\n)*non-commercial"),
        ("mimic_cxr", layouts.mimic, lambda p: lose(p, "patients.csv.gz", "admissions.csv.gz"), "lacks 2 of 5(.|\n)*PhysioNet"),
        ("multinli", lambda p: layouts.multinli(p, "tsv"), lambda p: lose(p, "MNLI/train.tsv"), "lacks the sentences"),
        ("waterbirds", layouts.waterbirds, lambda p: lose(p, f"{ARCHIVE}/000.Bird/Bird_0004.jpg"), "1 of 12 images are not in"),
    ],
)  # fmt: skip
def test_missing_files_are_all_named(tmp_path, name, build, spoil, message):
    build(tmp_path)
    spoil(tmp_path)
    with pytest.raises(FileNotFoundError, match=message):
        load_benchmark(name, tmp_path)


def edit(path, function):
    def spoil(folder):
        table = pd.read_csv(folder / path)
        function(table).to_csv(folder / path, index=False)

    return spoil


WATERBIRDS = f"{ARCHIVE}/metadata.csv"


@pytest.mark.parametrize(
    ("name", "build", "spoil", "message"),
    [
        ("waterbirds", layouts.waterbirds, edit(WATERBIRDS, lambda t: t.drop(columns="place")), "has no column 'place', only"),
        ("waterbirds", layouts.waterbirds, edit(WATERBIRDS, lambda t: t.assign(split=3)), "'split' .* holds '3' in row 0"),
        ("waterbirds", layouts.waterbirds, edit(WATERBIRDS, lambda t: t.assign(y=[2] + t["y"].tolist()[1:])), "'y' .* holds '2' in row 0"),
        ("waterbirds", layouts.waterbirds, edit(WATERBIRDS, lambda t: t.assign(y=[None] + t["y"].tolist()[1:])), "'y' .* holds 'nan' in row"),
        ("waterbirds", layouts.waterbirds, lambda p: (p / WATERBIRDS).write_bytes(b""), "cannot be read as a table"),
        ("waterbirds", layouts.waterbirds, lambda p: (p / WATERBIRDS).write_bytes(b"img_filename,\xff\xfe,y\n"), "is not UTF-8"),
        ("celeba", lambda p: layouts.celeba(p, "csv"), edit("list_attr_celeba.csv", lambda t: t.iloc[::-1]), "they do not align"),
        ("celeba", lambda p: layouts.celeba(p, "csv"), edit("list_attr_celeba.csv", lambda t: t.iloc[:-1]), "has 12 rows and .* has 11"),
        ("mimic_cxr", layouts.mimic, edit("mimic-cxr-2.0.0-metadata.csv.gz", lambda t: pd.concat([t, t.iloc[:2]])), "has 2 rows twice"),
        ("mimic_cxr", layouts.mimic, lambda p: (p / "patients.csv.gz").write_bytes((p / "patients.csv.gz").read_bytes()[:60]), "download complete"),
        ("multinli", lambda p: layouts.multinli(p, "jsonl"),
         lambda p: (p / "multinli_1.0/multinli_1.0_train.jsonl").write_bytes(b'{"gold_label": "neutral", "sentence1": "\xff"}\n'), "is not UTF-8"),
        ("multinli", lambda p: layouts.multinli(p, "jsonl"),
         lambda p: (p / "multinli_1.0/multinli_1.0_train.jsonl").write_text('{"gold_label": "neu'), "is not as published"),
    ],
)  # fmt: skip
def test_spoiled_metadata(tmp_path, name, build, spoil, message):
    build(tmp_path)
    spoil(tmp_path)
    with pytest.raises(ValueError, match=message):
        load_benchmark(name, tmp_path)


def test_bad_folders_and_options(tmp_path):
    layouts.waterbirds(tmp_path / "data")
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file"):
        load_benchmark("waterbirds", tmp_path / "file")
    with pytest.raises(FileNotFoundError, match="is not there"):
        load_benchmark("waterbirds", tmp_path / "nowhere")
    with pytest.raises(ValueError, match="needs data_dir"):
        load_benchmark("celeba")
    with pytest.raises(ValueError, match="embedded"):
        load_benchmark("digits", tmp_path)
    with pytest.raises(ValueError, match="on_bad_image='no'"):
        load_benchmark("waterbirds", tmp_path / "data", on_bad_image="no")
    with pytest.raises(ValueError, match="split_by='x'"):
        load_benchmark("mimic_cxr", tmp_path, split_by="x")


def test_bad_images_are_skipped_by_wish_and_numbers_stay(tmp_path):
    layouts.waterbirds(tmp_path)
    bad = tmp_path / "waterbird_complete95_forest2water2" / "003.Bird" / "Bird_0003.jpg"
    bad.write_bytes(bad.read_bytes()[:200])
    with pytest.warns(UserWarning, match="1 images of the train split(.|\n)*row_index 1: .*Bird_0003.jpg"):
        data = load_benchmark("waterbirds", tmp_path, on_bad_image="skip")
    assert data["train"]["row_index"][:] == [0, 2, 3]
    assert len(data["test"]) == 4


def test_empty_groups_are_said(tmp_path):
    layouts.waterbirds(tmp_path, rows=6)
    with pytest.warns(UserWarning, match="the train split has no row of landbird/water, waterbird/water"):
        load_benchmark("waterbirds", tmp_path)
