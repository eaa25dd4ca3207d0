#!/usr/bin/env python
"""Mask and layer against the older method's loop over examples: python benchmarks/mask_and_layer.py"""

import sys
from pathlib import Path

import torch

sys.path.append(str(Path(__file__).parent.parent / "tests"))
from interleaved import compare
from oracles import reference_mask

from hf_fairdropout import FairDropout, example_tied_mask

SHAPES = [(108, 1024, 14, 14), (108, 2048, 7, 7), (32, 768)]
P_GEN, P_MEM = 0.2, 0.1


def table_row(shape: tuple[int, ...]) -> str:
    x, rows = torch.randn(shape), torch.arange(shape[0])
    layer = FairDropout(shape[1], P_GEN, P_MEM)
    mask = compare(lambda: reference_mask(rows, x, P_GEN, P_MEM), lambda: example_tied_mask(rows, shape[1], P_GEN, P_MEM))
    whole = compare(lambda: x * reference_mask(rows, x, P_GEN, P_MEM), lambda: layer(x, rows))
    cells = [f"{1e3 * ours:.2f} | {1e3 * loop:.1f} | {ratio:.1f}×" for loop, ours, ratio in (mask, whole)]
    return f"| {'×'.join(map(str, shape))} | " + " | ".join(cells) + " |"


def main() -> None:
    torch.set_num_threads(1)
    print(f"one thread, torch {torch.__version__}, p_gen {P_GEN}, p_mem {P_MEM}; medians of 10 interleaved pairs, milliseconds\n")
    print("| activation | mask, ours | mask, loop | loop / ours | layer, ours | layer, loop | loop / ours |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for shape in SHAPES:
        print(table_row(shape), flush=True)


if __name__ == "__main__":
    main()
