import layouts
import pytest
from command_line import run_script

from hf_fairdropout import load_benchmark


def prepare(*arguments):
    return run_script(*arguments, script="prepare_dataset.py")


def test_resizes_and_verifies(tmp_path):
    layouts.waterbirds(tmp_path)
    done = prepare("--benchmark", "waterbirds", "--data_dir", tmp_path, "--image_size", 6, "--decode", "--verify")
    assert done.returncode == 0, done.stderr[-2000:]
    assert "0 of 12 images cannot be decoded" in done.stdout
    assert "| train | 4 | 4795 | -4791 |" in done.stdout
    assert "differs from the published table" in done.stdout
    assert (tmp_path / "resized_6" / "complete.json").exists()


def test_bad_images_are_an_error_or_listed(tmp_path):
    layouts.waterbirds(tmp_path)
    bad = tmp_path / "waterbird_complete95_forest2water2" / "003.Bird" / "Bird_0003.jpg"
    bad.write_bytes(b"no picture")
    done = prepare("--benchmark", "waterbirds", "--data_dir", tmp_path, "--decode")
    assert done.returncode != 0
    assert "error: 1 of 12 images cannot be decoded" in done.stderr
    assert "train row_index 1" in done.stderr
    skipped = prepare("--benchmark", "waterbirds", "--data_dir", tmp_path, "--decode", "--image_size", 5, "--on_bad_image", "skip")
    assert skipped.returncode == 0, skipped.stderr
    assert "leaves them out" in skipped.stdout
    with pytest.warns(UserWarning, match="1 images of the train split"):
        assert len(load_benchmark("waterbirds", tmp_path, image_size=5, on_bad_image="skip")["train"]) == 3


@pytest.mark.parametrize(
    ("benchmark", "message"),
    [("celeba", "list_attr_celeba.txt or list_attr_celeba.csv"), ("mimic_cxr", "PhysioNet"), ("metashift", "MetaShift project")],
)
def test_says_what_to_fetch(tmp_path, benchmark, message):
    done = prepare("--benchmark", benchmark, "--data_dir", tmp_path, "--download")
    assert done.returncode != 0
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert "want each user to fetch it" in done.stdout


def test_a_file_in_place_of_the_folder(tmp_path):
    (tmp_path / "file").write_text("")
    done = prepare("--benchmark", "celeba", "--data_dir", tmp_path / "file")
    assert "is a file" in done.stderr
    assert "Traceback" not in done.stderr
