"""Small grouped data sets and trainers, for the tests of training."""

import numpy as np
import tiny
import torch
from datasets import Dataset, DatasetDict

from hf_fairdropout import FairDropoutForSequenceClassification, FairDropoutTrainer, FairDropoutTrainingArguments, add_row_index
from hf_fairdropout.data import GroupNames
from hf_fairdropout.data.schema import with_groups

NAMES = GroupNames(("cat", "dog", "fox"), ("in", "out"))


def image_data(rows: int = 24, size: int = 32, seed: int = 0) -> DatasetDict:
    """Random images whose mean tells the label."""
    splits = {}
    for number, split in enumerate(("train", "validation", "test")):
        generator = np.random.default_rng(seed + number)
        labels = generator.permutation(np.arange(rows) % 3)
        images = generator.normal(size=(rows, 3, size, size)).astype(np.float32) + labels[:, None, None, None]
        splits[split] = _grouped({"pixel_values": images.tolist()}, labels, generator).with_format("torch")
    return DatasetDict(splits)


def text_data(rows: int = 24, seed: int = 0) -> DatasetDict:
    """Random tokens; the first one tells the label."""
    splits = {}
    for number, split in enumerate(("train", "validation", "test")):
        generator = np.random.default_rng(seed + number)
        labels = generator.permutation(np.arange(rows) % 3)
        tokens = generator.integers(10, 99, size=(rows, 12))
        tokens[:, 0] = 3 + labels
        columns = {"input_ids": tokens.tolist(), "attention_mask": np.ones_like(tokens).tolist()}
        splits[split] = _grouped(columns, labels, generator).with_format("torch")
    return DatasetDict(splits)


def _grouped(columns: dict, labels: np.ndarray, generator: np.random.Generator) -> Dataset:
    attributes = generator.integers(0, 2, len(labels))
    return with_groups(add_row_index(Dataset.from_dict(columns)), labels.tolist(), attributes.tolist(), NAMES)


def trainer_for(model, data: DatasetDict, folder, **options) -> FairDropoutTrainer:
    """A quiet trainer on the CPU."""
    defaults = {
        "per_device_train_batch_size": 4,
        "per_device_eval_batch_size": 5,
        "num_train_epochs": 2,
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "group_tables": False,
        "logging_strategy": "no",
    }
    args = FairDropoutTrainingArguments(str(folder), **{**defaults, **options})
    return FairDropoutTrainer(model, args, train_dataset=data["train"], eval_dataset=data["validation"])


def without_dropout(model):
    """Switch ordinary dropout off, so that gradients can be compared."""
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return model


def bert(**options) -> FairDropoutForSequenceClassification:
    """A tiny BERT with FairDropout on its features."""
    options = {"positions": "dplogits", "p_gen": 0.25, "p_mem": 0.3, **options}
    return FairDropoutForSequenceClassification.from_base(tiny.classifier("bert"), **options)


def gradient_norms(trainer_class, args_class, model, data, folder, **options):
    """The gradient norm of the first optimizer step over rows 0 to 7."""
    settings = {
        "report_to": "none",
        "use_cpu": True,
        "disable_tqdm": True,
        "max_steps": 1,
        "learning_rate": 0.0,
        "logging_steps": 1,
        "max_grad_norm": 1e9,
    }
    args = args_class(str(folder), eval_strategy="no", save_strategy="no", **settings, **options)
    trainer = trainer_class(without_dropout(model), args, train_dataset=data["train"].select(range(8)))
    trainer.train()
    return trainer.state.log_history[0]["grad_norm"]
