"""Where FairDropout goes: from the name of a position to a module of the classifier, and onto it.

A position is one of `POSITIONS` or the path of a module. The layer becomes the child `fair_dropout` of the module that it follows (or precedes),
and a hook calls it: no forward is rewritten, and the names of the weights stay what they were.
"""

import difflib
from dataclasses import dataclass

import torch
from torch import nn

from .configuration import FairDropoutConfig
from .layer import FairDropout

POSITIONS = {
    "dp2": "after residual stage 1 (conv2_x)",
    "dp3": "after residual stage 2 (conv3_x)",
    "dp4": "after residual stage 3 (conv4_x)",
    "dp5": "after residual stage 4 (conv5_x)",
    "dplogits": "on the features that the classifier reads",
    "dpfc": "on a new linear layer before the classifier",
}

# Paths of stage `k` (from 0; `n` counts from 1) in the networks that have stages. `{base}` is the transformers name of the network in a classifier.
_STAGE_PATHS = (
    "{base}.encoder.stages.{k}",
    "{base}.encoder.layers.{k}",
    "timm_model.layer{n}",
    "timm_model.stages.{k}",
    "timm_model.layers.{k}",
    "layer{n}",
    "stages.{k}",
)
_WIDTH_ATTRIBUTES = ("out_channels", "out_features", "num_features", "nf")


@dataclass(frozen=True)
class Placement:
    """A position, found in a model.

    Attributes:
        name: The position as the user gave it.
        path: Path of the module that FairDropout is tied to.
        channel_dim: Dimension of the activation that holds the neurons.
        num_neurons: Size of that dimension.
        masks_input: Whether the module's input is masked, rather than its output.
    """

    name: str
    path: str
    channel_dim: int
    num_neurons: int
    masks_input: bool = False


def find_position(model: nn.Module, name: str) -> Placement:
    """Find a position in a classifier.

    Args:
        model: The plain classifier (transformers, timm or any `nn.Module`).
        name: One of `POSITIONS`, or the exact path of a module.

    Returns:
        Where FairDropout goes, and how wide it is.

    Raises:
        ValueError: If no module, or more than one, answers to the name.
    """
    if name in ("dplogits", "dpfc"):
        path = _classifier_path(model, name)
        return Placement(name, path, channel_dim=-1, num_neurons=model.get_submodule(path).in_features, masks_input=True)
    path = _last_block(model, _stage_path(model, name)) if name in POSITIONS else _module_path(model, name)
    module = model.get_submodule(path)
    return Placement(name, path, channel_dim=_channel_dim(module), num_neurons=_width(module, name))


def attach(model: nn.Module, config: FairDropoutConfig) -> nn.Module:
    """Put one FairDropout layer on the model at each position of the configuration, in place.

    Args:
        model: The plain classifier.
        config: Says where and how strongly.

    Returns:
        The same model.

    Raises:
        ValueError: If a position cannot be found, or two of them are the same place.
    """
    if any(isinstance(module, FairDropout) for module in model.modules()):
        raise ValueError(f"this {type(model).__name__} has FairDropout layers already; start from the plain model")
    placements = [find_position(model, name) for name in config.positions]
    for number, placement in enumerate(placements):
        twin = next((other for other in placements[:number] if other.path == placement.path), None)
        if twin is not None:
            raise ValueError(f"positions {twin.name!r} and {placement.name!r} are the same place, {placement.path!r}; keep one")
        if placement.name == "dpfc":
            placement = _add_projection(model, placement, config.projection_size)
        module = model.get_submodule(placement.path)
        module.fair_dropout = FairDropout(
            placement.num_neurons,
            config.p_gen,
            config.p_mem,
            seed=config.mask_seed,
            position=number,
            channel_dim=placement.channel_dim,
            allocation=config.allocation,
            rescale=config.rescale,
            dropout_control=config.dropout_control,
            inference=config.inference,
        )
        if placement.masks_input:
            module.register_forward_pre_hook(_mask_input)
        else:
            module.register_forward_hook(_mask_output)
    return model


def fair_dropout_layers(model: nn.Module) -> list[FairDropout]:
    """The FairDropout layers of a model, in the order of its modules."""
    return [module for module in model.modules() if isinstance(module, FairDropout)]


def hand_over_row_index(model: nn.Module, row_index: torch.Tensor | None, batch_columns: list[str]) -> None:
    """Tell the FairDropout layers which rows the coming forward is about.

    The index stays until the next one overwrites it, because gradient checkpointing runs the hooks again during backward. With
    checkpointing, do not run two training forwards before one backward: the first would be replayed with the rows of the second.

    Args:
        model: A model with FairDropout layers.
        row_index: int64 tensor of shape (batch,), or None.
        batch_columns: What the batch does have, for the error.

    Raises:
        ValueError: If a layer in training needs `row_index` and it is None.
    """
    for layer in fair_dropout_layers(model):
        if row_index is None and layer.training and layer.needs_row_index:
            raise ValueError(
                f"training needs `row_index`, but the batch has {sorted(batch_columns)}; add it with add_row_index(dataset) before shuffling"
            )
        if layer.training:
            layer.row_index = row_index


def _mask_output(module: nn.Module, args: tuple, output):
    layer = module.fair_dropout
    if isinstance(output, tuple):
        return (layer(output[0], layer.row_index), *output[1:])
    if not isinstance(output, torch.Tensor):
        raise TypeError(
            f"FairDropout cannot follow {type(module).__name__}: it returns a {type(output).__name__}; give the path of a block inside it"
        )
    return layer(output, layer.row_index)


def _mask_input(module: nn.Module, args: tuple) -> tuple:
    layer = module.fair_dropout
    features = module.projection(args[0]) if hasattr(module, "projection") else args[0]
    return (layer(features, layer.row_index), *args[1:])


def _add_projection(model: nn.Module, placement: Placement, projection_size: int | None) -> Placement:
    """Give the classifier a linear layer in front of it, as its child `projection`; a new width needs a new classifier."""
    classifier = model.get_submodule(placement.path)
    size = projection_size or classifier.in_features
    factory = {"device": classifier.weight.device, "dtype": classifier.weight.dtype}
    if size != classifier.in_features:
        parent, _, child = placement.path.rpartition(".")
        widened = nn.Linear(size, classifier.out_features, bias=classifier.bias is not None, **factory)
        model.get_submodule(parent).register_module(child, widened)
    model.get_submodule(placement.path).projection = nn.Linear(classifier.in_features, size, **factory)
    return Placement(placement.name, placement.path, placement.channel_dim, size, placement.masks_input)


def _classifier_path(model: nn.Module, name: str) -> str:
    """The last linear layer that has one output a label."""
    num_labels = getattr(getattr(model, "config", None), "num_labels", None)
    paths = [path for path, module in model.named_modules() if isinstance(module, nn.Linear) and num_labels in (None, module.out_features)]
    if not paths:
        raise ValueError(f"position {name!r} needs a linear classifier with {num_labels} outputs, and {type(model).__name__} has none")
    return paths[-1]


def _stage_path(model: nn.Module, name: str) -> str:
    number = int(name.removeprefix("dp")) - 1
    modules = dict(model.named_modules())
    for pattern in _STAGE_PATHS:
        path = pattern.format(base=getattr(model, "base_model_prefix", ""), k=number - 1, n=number)
        if path in modules and _blocks(modules[path]) is not None:
            return path
    raise ValueError(
        f"position {name!r} is {POSITIONS[name]}, and {type(model).__name__} has no such stage; "
        f"use 'dplogits', 'dpfc' or the path of a module, such as {list(modules)[len(modules) // 2]!r}"
    )


def _blocks(module: nn.Module) -> str | None:
    """Name of the child that lists the blocks of a stage; "" if the stage is itself that list; None if it is no stage."""
    if isinstance(module, nn.Sequential):
        return ""
    return next((name for name in ("blocks", "layers") if isinstance(getattr(module, name, None), (nn.Sequential, nn.ModuleList))), None)


def _last_block(model: nn.Module, path: str) -> str:
    """Path of the last block of a stage: what the hook goes on, since some networks call the blocks and never the stage (timm, checkpointing)."""
    while (blocks := _blocks(model.get_submodule(path))) is not None:
        path = f"{path}.{blocks}" if blocks else path
        path = f"{path}.{list(model.get_submodule(path)._modules)[-1]}"
    return path


def _module_path(model: nn.Module, name: str) -> str:
    modules = dict(model.named_modules())
    if name not in modules:
        endings = [path for path in modules if path.endswith(f".{name}")]
        if len(endings) > 1:
            raise ValueError(f"position {name!r} matches several modules: {_listed(endings)}; give the path of one in full")
        near = endings or difflib.get_close_matches(name, [*POSITIONS, *modules], n=4, cutoff=0.5)
        hint = f"did you mean {_listed(near)}?" if near else f"choose one of {', '.join(POSITIONS)} or a path of named_modules()"
        raise ValueError(f"position {name!r} is no module of {type(model).__name__}; {hint}")
    path = name
    while isinstance(modules[path], nn.Sequential) and len(modules[path]):  # a child added to a Sequential would run as its last step
        path = f"{path}.{list(modules[path]._modules)[-1]}"
    if isinstance(modules[path], (nn.ModuleList, nn.ModuleDict)):
        raise ValueError(f"position {name!r} is a list of modules, which is never called; give the path of an entry, such as '{path}.0'")
    return path


def _listed(paths: list[str]) -> str:
    return ", ".join(repr(path) for path in paths[:4]) + (f" and {len(paths) - 4} more" if len(paths) > 4 else "")


def _channel_dim(module: nn.Module) -> int:
    """Images inside convolutional blocks are (batch, channels, height, width); tokens are (batch, length, channels)."""
    return 1 if any(isinstance(part, (nn.Conv2d, nn.BatchNorm2d)) for part in module.modules()) else -1


def _width(module: nn.Module, name: str) -> int:
    """Width of a block's output: that of its last layer with weights."""
    for part in reversed(list(module.modules())):
        for attribute in _WIDTH_ATTRIBUTES:
            if isinstance(getattr(part, attribute, None), int):
                return getattr(part, attribute)
        weight = part._parameters.get("weight")
        if weight is not None and weight.dim() == 1:  # a LayerNorm or RMSNorm
            return weight.shape[0]
    raise ValueError(f"position {name!r} is a {type(module).__name__} without weights, so its width is unknown; give the path of the layer before it")
