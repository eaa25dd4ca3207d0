#!/usr/bin/env python
"""A training step with FairDropout against the same step with p_gen = 1.

python benchmarks/training_step.py                    the CPU: ResNet-50 (224 pixels, batch 8), BERT-base (128 tokens, batch 8)
python benchmarks/training_step.py --device cuda      bf16 and torch.compile, batch 128 and 64
"""

import argparse

import torch
from interleaved import compare
from transformers import BertConfig, ResNetConfig

from hf_fairdropout import FairDropoutConfig, FairDropoutForImageClassification, FairDropoutForSequenceClassification, example_tied_mask

CASES = {
    "ResNet-50 dp2": (FairDropoutForImageClassification, ResNetConfig, "dp2"),
    "ResNet-50 dp4": (FairDropoutForImageClassification, ResNetConfig, "dp4"),
    "ResNet-50 dp5": (FairDropoutForImageClassification, ResNetConfig, "dp5"),
    "BERT-base dplogits": (FairDropoutForSequenceClassification, BertConfig, "dplogits"),
    "BERT-base layer 11": (FairDropoutForSequenceClassification, BertConfig, "bert.encoder.layer.11"),
}


def step_of(wrapper, base, position, p_gen, device):
    """A function that does forward, backward and an SGD step on one fixed batch."""
    torch.manual_seed(0)
    model = wrapper(FairDropoutConfig(base(), positions=[position], p_gen=p_gen, p_mem=0.1)).to(device).train()
    optimizer = torch.optim.SGD(model.parameters(), lr=1e-4)
    is_image = base is ResNetConfig
    size = (128 if is_image else 64) if device == "cuda" else 8
    inputs = {"pixel_values": torch.randn(size, 3, 224, 224)} if is_image else {"input_ids": torch.randint(0, 30000, (size, 128))}
    batch = {**inputs, "labels": torch.randint(0, 2, (size,)), "row_index": torch.arange(size)}
    batch = {name: value.to(device) for name, value in batch.items()}
    call = torch.compile(model) if device == "cuda" else model

    def step():
        with torch.autocast(device, torch.bfloat16, enabled=device == "cuda"):
            loss = call(**batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        if device == "cuda":
            torch.cuda.synchronize()

    return step


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--device", default="cpu", choices=["cpu", "cuda"])
    parser.add_argument("--pairs", type=int, default=10)
    arguments = parser.parse_args()
    print(f"{arguments.device}, {torch.get_num_threads()} threads, torch {torch.__version__}; medians of {arguments.pairs} interleaved pairs\n")
    if arguments.device == "cuda":
        rows = torch.arange(1000) * 2**40
        same = torch.equal(example_tied_mask(rows.cuda(), 1024, 0.2, 0.1).cpu(), example_tied_mask(rows, 1024, 0.2, 0.1))
        print(f"masks on the GPU equal those on the CPU: {same}\n")
    print("| step | FairDropout, s | p_gen = 1, s | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for name, (wrapper, base, position) in CASES.items():
        ours, plain = (step_of(wrapper, base, position, p_gen, arguments.device) for p_gen in (0.2, 1.0))
        first, second, ratio = compare(ours, plain, arguments.pairs)
        print(f"| {name} | {first:.3f} | {second:.3f} | {ratio:.3f} |", flush=True)


if __name__ == "__main__":
    main()
