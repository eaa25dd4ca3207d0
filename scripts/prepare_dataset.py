#!/usr/bin/env python
"""Fetch, resize and check a benchmark.

    python scripts/prepare_dataset.py --benchmark waterbirds --data_dir data/waterbirds --download --verify
    python scripts/prepare_dataset.py --benchmark celeba --data_dir data/celeba --image_size 256 --verify
    python scripts/prepare_dataset.py --benchmark mimic_cxr --data_dir data/mimic --verify --decode --on_bad_image skip

Without files, it prints which ones to fetch from where. Everything can be stopped and run again: it goes on where it was.
"""

import argparse
import sys
from pathlib import Path

from datasets import Image

from hf_fairdropout.data import BENCHMARKS, load_benchmark
from hf_fairdropout.data.download import DOWNLOADS, fetch
from hf_fairdropout.data.images import bad_images
from hf_fairdropout.data.preprocessing import is_image_benchmark
from hf_fairdropout.data.published import PUBLISHED, compare_with_published
from hf_fairdropout.data.resized import write_resized
from hf_fairdropout.training.group_table import markdown_table


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--benchmark", required=True, choices=[*(name for name in BENCHMARKS if name != "digits"), "tabled"])
    parser.add_argument("--data_dir", required=True, type=Path)
    parser.add_argument("--metadata", help="a CSV in the SubpopBench form to read in place of the published metadata")
    parser.add_argument("--download", action="store_true", help="fetch what its licence lets anyone fetch")
    parser.add_argument("--image_size", type=int, help="write a copy of the images with this shorter side, in pixels")
    parser.add_argument("--num_workers", type=int, help="processes that resize; one a core by default")
    parser.add_argument("--verify", action="store_true", help="print the rows of each group beside the published ones")
    parser.add_argument("--decode", action="store_true", help="decode every image, and list those that cannot be")
    parser.add_argument("--on_bad_image", choices=["error", "skip"], default="error", help="whether a bad image is an error or only listed")
    arguments = parser.parse_args()
    try:
        prepare(arguments)
    except (OSError, ValueError) as error:
        sys.exit(f"error: {error}")


def prepare(arguments: argparse.Namespace) -> None:
    """Do what the command line asks, in the order fetch, load, decode, resize, verify."""
    name, folder = arguments.benchmark, arguments.data_dir
    if arguments.download:
        for download in DOWNLOADS.get(name, ()):
            print(f"have {fetch(download, folder)}")
        if name == "tabled":
            print("there is nothing to download for tabled: the files are your own")
        elif name not in DOWNLOADS:
            print(f"the owners of {name} want each user to fetch it; what is missing is listed below")
    options = {"metadata": arguments.metadata} if arguments.metadata else {}
    benchmark = load_benchmark(name, folder, **options)
    if is_image_benchmark(benchmark):
        if arguments.decode:
            _decode(benchmark, is_error=arguments.on_bad_image == "error")
        if arguments.image_size:
            _resize(benchmark, folder, arguments.image_size, arguments.num_workers, keep_bad=arguments.on_bad_image == "skip")
    elif arguments.image_size or arguments.decode:
        raise ValueError(f"--image_size and --decode are for images, and {name} has texts")
    rows, is_exact = compare_with_published(name, benchmark)
    print(markdown_table((name, "loaded", "published", ""), rows))
    if arguments.verify:
        verdict = "exact" if is_exact else "differs from the published table, see above"
        print(verdict if name in PUBLISHED else f"there is no published table of {name} to compare with")


def _decode(benchmark, is_error: bool) -> None:
    bad = [(split, *found) for split, rows in benchmark.items() for found in bad_images(rows)]
    listed = "\n".join(f"  {split} row_index {row}: {path}: {why}" for split, row, path, why in bad)
    message = f"{len(bad)} of {sum(map(len, benchmark.values()))} images cannot be decoded" + (f":\n{listed}" if bad else "")
    if bad and is_error:
        raise ValueError(message)
    print(message + ("\nload_benchmark(…, on_bad_image='skip') leaves them out" if bad else ""))


def _resize(benchmark, folder: Path, image_size: int, processes: int | None, keep_bad: bool) -> None:
    paths = [Path(cell["path"]) for split in benchmark.values() for cell in split.cast_column("image", Image(decode=False))["image"]]
    names = [path.relative_to(folder).as_posix() for path in paths]
    print(f"resized copy: {write_resized(folder, names, image_size, processes, keep_bad)}")


if __name__ == "__main__":
    main()
