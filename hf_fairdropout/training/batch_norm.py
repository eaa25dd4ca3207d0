"""BatchNorm beside FairDropout: its running statistics were gathered with memorizing neurons present, and inference has none."""

from collections.abc import Iterable

import torch
from torch import nn

_BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.SyncBatchNorm)


def batch_norms(model: nn.Module) -> list[nn.Module]:
    """The BatchNorm layers of a model that keep running statistics."""
    return [module for module in model.modules() if isinstance(module, _BATCH_NORMS) and module.running_mean is not None]


def freeze_batch_norm(model: nn.Module) -> None:
    """Put BatchNorm in evaluation mode until the next `model.train()`; the affine part still gets gradients (SubpopBench, `FrozenBN`)."""
    for module in batch_norms(model):
        module.eval()


@torch.no_grad()
def reestimate_batch_norm(model: nn.Module, batches: Iterable[dict[str, torch.Tensor]]) -> int:
    """Gather the running statistics anew as the plain average over some batches, with everything else in inference mode.

    Args:
        model: A model; afterwards it is in evaluation mode.
        batches: Keyword arguments of its forward.

    Returns:
        The number of BatchNorm layers that were re-estimated; 0 means that nothing changed.
    """
    layers = batch_norms(model)
    if not layers:
        return 0
    model.eval()
    momenta = [layer.momentum for layer in layers]
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None  # cumulative average
        layer.train()
    for batch in batches:
        model(**batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.eval()
    return len(layers)
