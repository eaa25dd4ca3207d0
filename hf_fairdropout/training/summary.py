"""The lines that open a report: what was trained, and how."""

from typing import Any

from transformers import PreTrainedModel

from .arguments import FairDropoutTrainingArguments


def describe_model(model: PreTrainedModel) -> str:
    """One line on the classifier and its FairDropout."""
    config = model.config
    if config.model_type != "fairdropout":
        return f"plain {config.model_type}"
    control = "" if config.dropout_control == "none" else f", control {config.dropout_control}"
    return f"{config.base_config.model_type} with FairDropout at {', '.join(config.positions)}, p_gen {config.p_gen}, p_mem {config.p_mem}{control}"


def summarize(model: PreTrainedModel, args: FairDropoutTrainingArguments, *, image_size: int, max_length: int) -> dict[str, Any]:
    """What was trained, and how, by topic.

    Args:
        model: The classifier.
        args: How it is trained.
        image_size: Height and width that a model from scratch is given, in pixels.
        max_length: Where texts are cut, in tokens.
    """
    inputs = f"images at {image_size} pixels unless the checkpoint says otherwise"
    if model.main_input_name != "pixel_values":
        inputs = f"texts cut at {max_length} tokens"
    batch_norm = "frozen in training" if args.freeze_batch_norm else "trained"
    return {
        "model": f"{describe_model(model)}; {inputs}",
        "loss": args.method,
        "training": f"{args.num_train_epochs:g} epochs, batch {args.train_batch_size} a process, {args.optim}, learning rate {args.learning_rate:g} "
        f"({args.lr_scheduler_type}), weight decay {args.weight_decay:g}, seed {args.seed}",
        "BatchNorm": batch_norm + (", re-estimated after it" if args.reestimate_batch_norm else ""),
        "selection": f"best validation {args.metric_for_best_model}",
    }
