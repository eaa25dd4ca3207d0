"""FairDropout for Hugging Face: example-tied dropout against spurious correlations.

Importing the package registers its wrappers with the Auto classes of transformers.
"""

from .configuration import FairDropoutConfig
from .data import BENCHMARKS, add_row_index, group_dataset, load_benchmark
from .layer import FairDropout
from .masks import example_tied_mask
from .methods import METHODS
from .metrics import group_metrics
from .modeling import FairDropoutForImageClassification, FairDropoutForSequenceClassification, inject_fair_dropout
from .placement import POSITIONS
from .training import FairDropoutTrainer, FairDropoutTrainingArguments

__version__ = "0.1.0"

__all__ = [
    "BENCHMARKS",
    "METHODS",
    "POSITIONS",
    "FairDropout",
    "FairDropoutConfig",
    "FairDropoutForImageClassification",
    "FairDropoutForSequenceClassification",
    "FairDropoutTrainer",
    "FairDropoutTrainingArguments",
    "add_row_index",
    "example_tied_mask",
    "group_dataset",
    "group_metrics",
    "inject_fair_dropout",
    "load_benchmark",
]
