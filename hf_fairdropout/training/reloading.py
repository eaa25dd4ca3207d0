"""Is the saved model the trained one? Ask it."""

import inspect

import torch
from datasets import Dataset
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, Trainer


@torch.no_grad()
def reload_difference(trainer: Trainer, rows: Dataset) -> float:
    """Load the saved model as any user would, and compare its logits with the trained one's.

    Args:
        trainer: After `save_model`.
        rows: Some preprocessed rows.

    Returns:
        The largest absolute difference of a logit.
    """
    trained = trainer.accelerator.unwrap_model(trainer.model).eval()
    is_image = trained.main_input_name == "pixel_values"
    auto = AutoModelForImageClassification if is_image else AutoModelForSequenceClassification
    reloaded = auto.from_pretrained(trainer.args.output_dir).to(trained.device).eval()
    columns = set(inspect.signature(trained.forward).parameters)
    batch = trainer.data_collator([{name: value for name, value in row.items() if name in columns} for row in rows])
    batch = {name: value.to(trained.device) for name, value in batch.items() if name != "row_index"}
    return (reloaded(**batch).logits - trained(**batch).logits).abs().max().item()
