#!/usr/bin/env python
"""Decode and transform at 224 pixels: ours, beside a plain torchvision Dataset doing the same work: python benchmarks/image_loading.py

The images are textured JPEGs of 1024 and of 256 pixels; both sides decode, resize the shorter side to 256, take the centre 224 and normalise, in a
DataLoader with two workers. What `--image_size 256` gains is the last row against the first.
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
from datasets import Dataset, DatasetDict, Image
from interleaved import compare
from PIL import Image as PillowImage
from torch.utils.data import DataLoader, default_collate
from torchvision import transforms
from transformers import ViTImageProcessor

from hf_fairdropout.data.preprocessing import benchmark_transform, preprocess_images
from hf_fairdropout.data.resized import write_resized

COUNT, BATCH = 128, 32


class PlainDataset(torch.utils.data.Dataset):
    """What a torchvision user would write."""

    def __init__(self, paths: list[str], processor: ViTImageProcessor):
        normalize = transforms.Normalize(processor.image_mean, processor.image_std)
        self.paths = paths
        self.transform = transforms.Compose([transforms.Resize(256), transforms.CenterCrop(224), transforms.ToTensor(), normalize])

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, at: int) -> dict:
        with PillowImage.open(self.paths[at]) as image:
            return {"pixel_values": self.transform(image.convert("RGB")), "label": 0, "row_index": at}


def read_all(dataset) -> None:
    for _ in DataLoader(dataset, batch_size=BATCH, num_workers=2, collate_fn=default_collate):
        pass


def write_pictures(folder: Path) -> list[str]:
    """Photograph-like noise: JPEGs of about 300 kB."""
    generator = np.random.default_rng(0)
    names = [f"{n:04d}.jpg" for n in range(COUNT)]
    for name in names:
        coarse = PillowImage.fromarray(generator.integers(0, 255, (64, 80, 3), dtype=np.uint8)).resize((1280, 1024), PillowImage.Resampling.BICUBIC)
        fine = generator.normal(0, 12, (1024, 1280, 3))
        PillowImage.fromarray(np.clip(np.asarray(coarse) + fine, 0, 255).astype(np.uint8)).save(folder / name, quality=85)
    return names


def main() -> None:
    torch.set_num_threads(1)
    processor = ViTImageProcessor(image_mean=[0.485, 0.456, 0.406], image_std=[0.229, 0.224, 0.225])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        names = write_pictures(folder)
        folders = {1024: folder, 256: write_resized(folder, names, 256)}
        print(f"{COUNT} images, two workers, batch {BATCH}; medians of 6 interleaved pairs, images a second\n")
        print("| shorter side | ours | torchvision | ours / torchvision |")
        print("| --- | ---: | ---: | ---: |")
        for size, place in folders.items():
            paths = [str(place / name) for name in names]
            rows = Dataset.from_dict({"image": paths, "label": [0] * COUNT, "row_index": list(range(COUNT))}).cast_column("image", Image())
            transform = benchmark_transform("mimic_cxr", processor)
            ours = preprocess_images(DatasetDict({"train": rows}), transform, cached=False)["train"]
            plain = PlainDataset(paths, processor)
            assert torch.equal(ours[3]["pixel_values"], plain[3]["pixel_values"])
            first, second, ratio = compare(lambda ours=ours: read_all(ours), lambda plain=plain: read_all(plain), pairs=6)
            print(f"| {size} | {COUNT / first:.0f} | {COUNT / second:.0f} | {1 / ratio:.2f} |", flush=True)


if __name__ == "__main__":
    main()
