"""Training: `Trainer` with row indices, groups and honest selection."""

from .arguments import FairDropoutTrainingArguments
from .trainer import FairDropoutTrainer

__all__ = ["FairDropoutTrainer", "FairDropoutTrainingArguments"]
