"""The configuration of a classifier with FairDropout in it."""

import copy
from typing import Any

from transformers import AutoConfig, PreTrainedConfig

from .layer import CONTROLS, INFERENCE_MODES, check_choice
from .masks import check_allocation, check_share

try:
    from transformers.configuration_utils import SubConfigSpec

    _BASE_CONFIG: Any = SubConfigSpec(config_class=AutoConfig, model_type="resnet")
except ImportError:  # transformers before 5.20
    _BASE_CONFIG = None


# A plain class that is pointed at a FairDropout checkpoint finds `base_config` in it, and would return a model of random weights with no more than a
# warning. In the file, `base_config` therefore has this as its dtype: plain configurations fail on it and show it; we take it out again.
_PLAIN_CLASS_GUARD = (
    "<this is a FairDropout checkpoint; import hf_fairdropout, then load it with AutoModelForImageClassification "
    "or AutoModelForSequenceClassification>"
)


class FairDropoutConfig(PreTrainedConfig):
    """Which classifier, and where and how strongly its neurons are split (paper, Section 3.3; design of the controls is ours).

    Args:
        base_config: Configuration of the plain classifier: an object, or its dictionary with `model_type`. ResNet by default.
        positions: Where FairDropout goes: `"dp2"` to `"dp5"`, `"dplogits"`, `"dpfc"` or module paths (see `placement`). Empty, or "none", is the
            plain model.
        p_gen: Share of generalizing neurons, in [0, 1]; 1 is the plain model.
        p_mem: Share of the memorizing neurons that each training row is given, in [0, 1].
        mask_seed: Which family of masks.
        allocation: `"fixed"` (each row is given the same number of neurons) or `"bernoulli"`.
        rescale: Whether inference multiplies what remains so that the expected sum is as in training.
        inference: `"drop"` (paper) or `"keep"`, see `FairDropout`.
        projection_size: Width of the linear layer that position `"dpfc"` adds; the features' own width by default.
        dropout_control: `"none"`, or a control experiment: `"rate_matched"` or `"slim"`, see `FairDropout`.
        **kwargs: As in any `PreTrainedConfig`. Labels (`num_labels`, `id2label`, …) default to those of `base_config`.

    Raises:
        ValueError: If an argument is outside its choices; the message names it.
    """

    model_type = "fairdropout"
    if _BASE_CONFIG is not None:
        sub_configs_defaults = {"base_config": _BASE_CONFIG}
    else:
        sub_configs = {"base_config": AutoConfig}

    def __init__(
        self,
        base_config: PreTrainedConfig | dict[str, Any] | None = None,
        positions: tuple[str, ...] | list[str] | str = ("dp4",),
        p_gen: float = 0.2,
        p_mem: float = 0.2,
        mask_seed: int = 0,
        allocation: str = "fixed",
        rescale: bool = False,
        inference: str = "drop",
        projection_size: int | None = None,
        dropout_control: str = "none",
        **kwargs: Any,
    ):
        check_share("p_gen", p_gen)
        check_share("p_mem", p_mem)
        check_allocation(allocation)
        check_choice("inference", inference, INFERENCE_MODES)
        check_choice("dropout_control", dropout_control, CONTROLS)
        if projection_size is not None and projection_size < 1:
            raise ValueError(f"projection_size={projection_size}: the added layer has at least one neuron, or None for the features' width")
        self.base_config = as_config(base_config)
        self.positions = _checked_positions(positions)
        self.p_gen = p_gen
        self.p_mem = p_mem
        self.mask_seed = mask_seed
        self.allocation = allocation
        self.rescale = rescale
        self.inference = inference
        self.projection_size = projection_size
        self.dropout_control = dropout_control
        if kwargs.get("id2label") is None and kwargs.get("num_labels") in (None, self.base_config.num_labels):
            kwargs.pop("num_labels", None)
            kwargs["id2label"], kwargs["label2id"] = self.base_config.id2label, self.base_config.label2id
        if kwargs.get("problem_type") is None:
            kwargs["problem_type"] = self.base_config.problem_type
        super().__init__(**kwargs)
        self.sync_labels()

    def sync_labels(self) -> None:
        """Give `base_config` the labels of this configuration: a nested configuration may have lost its own on the way through JSON."""
        self.base_config.id2label, self.base_config.label2id = self.id2label, self.label2id
        self.base_config.problem_type = self.problem_type

    def to_diff_dict(self) -> dict[str, Any]:
        """What `config.json` holds: as in any `PreTrainedConfig`, and marked so that plain classes refuse to load it."""
        saved = super().to_diff_dict()
        saved["base_config"]["dtype"] = _PLAIN_CLASS_GUARD
        return saved

    @classmethod
    def from_dict(cls, config_dict: dict[str, Any], **kwargs: Any):
        """As in any `PreTrainedConfig`, but refuses the configuration of another model type.

        Raises:
            ValueError: If `config_dict` describes a plain checkpoint.
        """
        found = config_dict.get("model_type", cls.model_type)
        if found != cls.model_type:
            raise ValueError(
                f"this is the configuration of a plain {found!r} checkpoint, not of a FairDropout model; "
                "wrap it with from_base(checkpoint, positions=…, p_gen=…, p_mem=…)"
            )
        return super().from_dict(config_dict, **kwargs)


def as_config(base_config: PreTrainedConfig | dict[str, Any] | None) -> PreTrainedConfig:
    """A configuration from one, which is copied, from its dictionary, or from None, which is a ResNet.

    Raises:
        ValueError: If a dictionary does not name its `model_type`.
    """
    if isinstance(base_config, PreTrainedConfig):
        return copy.deepcopy(base_config)
    if base_config is None:
        return AutoConfig.for_model("resnet")
    if "model_type" not in base_config:
        raise ValueError(f"base_config has no `model_type`, only {sorted(base_config)}; name it, for example 'resnet' or 'bert'")
    arguments = dict(base_config)
    if arguments.get("dtype") == _PLAIN_CLASS_GUARD:
        del arguments["dtype"]
    return AutoConfig.for_model(arguments.pop("model_type"), **arguments)


def _checked_positions(positions: tuple[str, ...] | list[str] | str) -> list[str]:
    names = [positions] if isinstance(positions, str) else list(positions)
    names = [] if names == ["none"] else names
    for name in names:
        if not isinstance(name, str) or not name:
            raise ValueError(f"positions={positions!r}: a position is a name such as 'dp4' or the path of a module, not {name!r}")
        if names.count(name) > 1:
            raise ValueError(f"positions={positions!r} names {name!r} twice; each place has one FairDropout layer")
    return names
