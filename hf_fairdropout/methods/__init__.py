"""Training methods by name. FairDropout is the model, not a method: it combines with each of them."""

from collections.abc import Callable

from .erm import erm

METHODS: dict[str, Callable] = {"erm": erm}
"""What each method does with a batch: `(outputs, inputs) -> loss`, where inputs include labels and group."""

__all__ = ["METHODS", "erm"]
