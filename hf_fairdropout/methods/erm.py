"""Empirical risk minimization: the mean cross-entropy of the batch, as the model itself computes it."""

from typing import Any

import torch


def erm(outputs: Any, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
    """The loss of the model, unchanged; with a FairDropout model this is FairDropout (paper, Section 3.3).

    Args:
        outputs: What the model returned, with `loss`.
        inputs: The batch it was given.

    Returns:
        Scalar loss.
    """
    return outputs["loss"] if isinstance(outputs, dict) else outputs[0]
