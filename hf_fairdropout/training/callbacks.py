"""What a run shows while it goes on: progress bars and losses, with the tables per group in place of long dictionaries."""

from typing import Any

from transformers import PrinterCallback, ProgressCallback, TrainerCallback

_LEFT_TO_TABLES = ("eval", "test", "train_runtime")


def _shown(logs: dict[str, Any] | None) -> bool:
    return bool(logs) and not any(name.startswith(_LEFT_TO_TABLES) for name in logs)


class GroupProgressCallback(ProgressCallback):
    """Progress bars as in `ProgressCallback`; of the logs only the training loss and its like."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        if _shown(logs):
            super().on_log(args, state, control, logs=logs, **kwargs)


class GroupPrinterCallback(PrinterCallback):
    """`PrinterCallback` without the dictionaries of evaluations."""

    def on_log(self, args, state, control, logs=None, **kwargs):
        if _shown(logs):
            super().on_log(args, state, control, logs=logs, **kwargs)


REPLACED_CALLBACKS: dict[type[TrainerCallback], type[TrainerCallback]] = {
    ProgressCallback: GroupProgressCallback,
    PrinterCallback: GroupPrinterCallback,
}
"""Callbacks of `Trainer`, and what our trainer has in their place."""
