"""Arguments of the trainer: those of `TrainingArguments`, and a few of ours."""

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import TrainingArguments

from ..methods import METHODS
from .selection import KNOWLEDGE, default_rule, refuse_leak


def check_method(method: str) -> None:
    """Raise a ValueError that lists the methods, unless `method` is one of them."""
    if method not in METHODS:
        raise ValueError(f"method={method!r} is unknown; choose one of {', '.join(METHODS)} (FairDropout is the model: combine it with any method)")


@dataclass
class FairDropoutTrainingArguments(TrainingArguments):
    """`TrainingArguments` that evaluate and save at each epoch and keep the checkpoint with the best worst-class validation accuracy.

    Raises:
        ValueError: If an argument is outside its choices, or the selection rule would leak attributes.
    """

    method: str = field(default="erm", metadata={"help": f"Training method: {', '.join(METHODS)}."})
    method_arguments: dict[str, Any] | str | None = field(default=None, metadata={"help": "Hyper-parameters of the method, as JSON."})
    attributes: str = field(
        default="none",
        metadata={
            "help": "What training and selection may know of the attributes: 'none' (the paper's setting) or 'known'. Reports use them always."
        },
    )
    keep_curve: bool = field(
        default=True, metadata={"help": "Also evaluate with the memorizing neurons kept (the training mode curve of Figure 5), as eval_keep_*."}
    )
    group_tables: bool = field(default=True, metadata={"help": "Print a table per group at each evaluation."})
    freeze_batch_norm: bool | None = field(
        default=None,
        metadata={
            "help": "Train with BatchNorm in evaluation mode (its affine part still trains). The run script does so for pretrained image nets."
        },
    )
    reestimate_batch_norm: bool = field(
        default=False, metadata={"help": "After training, gather the BatchNorm statistics anew over the training split, in inference mode."}
    )
    eval_strategy: str = field(default="epoch", metadata={"help": "When to evaluate: no, steps or epoch."})
    save_strategy: str = field(default="epoch", metadata={"help": "When to save: no, steps, epoch or best."})
    save_total_limit: int | None = field(default=2, metadata={"help": "Checkpoints to keep: the best one and the latest."})
    dataloader_pin_memory: bool = field(
        default_factory=torch.cuda.is_available, metadata={"help": "Pin memory in data loaders; by default where there is a GPU."}
    )
    load_best_model_at_end: bool | None = field(
        default=None, metadata={"help": "Finish with the best checkpoint; by default if there is a validation split."}
    )

    _VALID_DICT_FIELDS = [*getattr(TrainingArguments, "_VALID_DICT_FIELDS", []), "method_arguments"]

    def __post_init__(self):
        check_method(self.method)
        if self.attributes not in KNOWLEDGE:
            raise ValueError(f"attributes={self.attributes!r} is unknown; choose one of {', '.join(KNOWLEDGE)}")
        if self.metric_for_best_model is None:
            self.metric_for_best_model = default_rule(self.attributes)
        refuse_leak(self.metric_for_best_model, self.attributes)
        if self.greater_is_better is None:
            self.greater_is_better = not self.metric_for_best_model.endswith(("loss", "brier", "ece", "ece_subpopbench"))
        if self.load_best_model_at_end is None:
            self.load_best_model_at_end = str(getattr(self.eval_strategy, "value", self.eval_strategy)) != "no"
        super().__post_init__()
        if self.method_arguments:
            raise ValueError(f"method_arguments={self.method_arguments!r}, but method {self.method!r} has none")
