import os
import random
import signal
import subprocess
import sys
import time

import layouts
import pytest
from PIL import Image

from hf_fairdropout import load_benchmark
from hf_fairdropout.data.resized import resized_folder, write_resized


@pytest.fixture(autouse=True)
def private_cache(tmp_path, monkeypatch):
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")


def pictures(folder, count=5, size=(80, 60)):
    names = [f"p{n % 2}/{n}.jpg" for n in range(count)]
    for n, name in enumerate(names):
        layouts.jpeg(folder / name, size=size, color=(n * 5 % 255, 80, 90))
    return names


def test_the_shorter_side_has_the_size_and_small_images_keep_theirs(tmp_path):
    names = pictures(tmp_path)
    layouts.jpeg(tmp_path / "small.jpg", size=(10, 20))
    copy = write_resized(tmp_path, [*names, "small.jpg"], 30, processes=2)
    assert copy == resized_folder(tmp_path, 30)
    assert Image.open(copy / names[0]).size == (40, 30)
    assert (copy / "small.jpg").read_bytes() == (tmp_path / "small.jpg").read_bytes()


def test_only_a_finished_copy_is_read(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"is missing; make it with scripts/prepare_dataset.py --image_size 30"):
        resized_folder(tmp_path, 30)
    names = pictures(tmp_path)
    (write_resized(tmp_path, names, 30) / "complete.json").unlink()
    with pytest.raises(FileNotFoundError, match="is unfinished"):
        resized_folder(tmp_path, 30)


def test_load_benchmark_reads_the_copy(tmp_path):
    layouts.waterbirds(tmp_path)
    names = [f"waterbird_complete95_forest2water2/{n % 4:03d}.Bird/Bird_{n:04d}.jpg" for n in range(12)]
    write_resized(tmp_path, names, 5)
    assert load_benchmark("waterbirds", tmp_path, image_size=5)["train"][0]["image"].size == (6, 5)


def test_bad_images_are_named_and_the_others_written(tmp_path):
    names = pictures(tmp_path)
    (tmp_path / names[1]).write_bytes((tmp_path / names[1]).read_bytes()[:300])
    with pytest.raises(ValueError, match=f"1 images cannot be decoded(.|\n)*{names[1]}"):
        write_resized(tmp_path, names, 30)
    assert (tmp_path / "resized_30" / names[4]).exists()
    assert not (tmp_path / "resized_30" / "complete.json").exists()
    with pytest.raises(ValueError, match="image_size=0"):
        write_resized(tmp_path, names, 0)


def test_a_full_disk_is_said_and_loses_nothing(tmp_path):
    """A file system of 1 MB, where the machine lets one be mounted."""
    names = pictures(tmp_path, count=60, size=(700, 600))
    target = tmp_path / "resized_500"
    target.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(target)], capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("no permission to mount a small file system")
    try:
        with pytest.raises(OSError, match="is full; free some room and run the same command again"):
            write_resized(tmp_path, names, 500, processes=1)
        written = [p for p in target.rglob("*.jpg") if not p.name.startswith(".")]
        assert written
        assert all(Image.open(p).size == (583, 500) for p in written)
        subprocess.run(["mount", "-o", "remount,size=64m", str(target)], check=True)
        write_resized(tmp_path, names, 500, processes=1)
        assert len(list(target.rglob("*.jpg"))) == 60
    finally:
        subprocess.run(["umount", str(target)], check=True)


CODE = """
import sys
from pathlib import Path
from hf_fairdropout.data.resized import write_resized
folder = Path(sys.argv[1])
names = sorted(p.relative_to(folder).as_posix() for p in folder.glob("p*/*.jpg"))
print("ready", flush=True)
write_resized(folder, names, 300, processes=2)
"""


@pytest.mark.slow
def test_killed_at_random_moments(tmp_path):
    """Ten kills of the whole process group, then a run to the end: the bytes of an undisturbed run."""
    disturbed, calm = tmp_path / "disturbed", tmp_path / "calm"
    for folder in (disturbed, calm):
        pictures(folder, count=120, size=(1000, 800))
    command = [sys.executable, "-c", CODE]
    generator, kills = random.Random(1), 0
    for _ in range(10):
        process = subprocess.Popen([*command, str(disturbed)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True)
        process.stdout.readline()
        time.sleep(generator.uniform(0.05, 0.4))
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            kills += 1
        process.wait()
    assert kills >= 5
    for folder in (disturbed, calm):
        assert subprocess.run([*command, str(folder)], capture_output=True).returncode == 0

    def contents(folder):
        return {p.relative_to(folder): p.read_bytes() for p in (folder / "resized_300").rglob("*") if p.is_file() and not p.name.startswith(".")}

    assert contents(disturbed) == contents(calm)
    assert len(contents(calm)) == 121
