"""Run by test_distributed under torchrun, or alone: prints gradient norms and metrics as JSON from process 0."""

import json
import sys

import tiny
import torch.distributed
from training_setup import bert, gradient_norms, text_data, trainer_for

from hf_fairdropout import FairDropoutTrainer, FairDropoutTrainingArguments

MODELS = {
    "wrapper": bert,
    "p_gen 1": lambda: bert(p_gen=1.0),
    "plain bert": lambda: tiny.classifier("bert"),
    "plain distilbert": lambda: tiny.classifier("distilbert"),
}


def main(folder: str, batch_size: int) -> None:
    norms = {}
    for name, make in MODELS.items():
        options = {"per_device_train_batch_size": batch_size, "ddp_find_unused_parameters": False}
        norms[name] = gradient_norms(FairDropoutTrainer, FairDropoutTrainingArguments, make(), text_data(), f"{folder}/{name}", **options)
    trainer = trainer_for(bert(), text_data(rows=21), f"{folder}/metrics")
    metrics = trainer.evaluate()
    metrics = {name: value for name, value in metrics.items() if not name.endswith(("_second", "runtime", "_time", "_loss", "per_second"))}
    world = torch.distributed.get_world_size() if torch.distributed.is_initialized() else 1
    if trainer.is_world_process_zero():
        print("RESULT " + json.dumps({"world": world, "norms": norms, "metrics": metrics}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
