"""Classifiers with FairDropout in them: any transformers or timm classifier in a `PreTrainedModel` that takes `row_index`."""

from typing import Any, ClassVar

import torch
from torch import nn
from transformers import AutoConfig, AutoModelForImageClassification, AutoModelForSequenceClassification, PreTrainedModel
from transformers.modeling_outputs import ImageClassifierOutput, ModelOutput, SequenceClassifierOutput

from .configuration import FairDropoutConfig
from .placement import attach, hand_over_row_index


class FairDropoutPreTrainedModel(PreTrainedModel):
    """What the image and the text wrapper share: building, wrapping and handing over the row index.

    The plain classifier is `self.model`, its weights keep their names behind `model.`, and FairDropout adds none.

    Args:
        config: Which classifier, and where FairDropout goes.
        model: The classifier to wrap, in place; a new one is made from `config.base_config` by default.
    """

    config_class = FairDropoutConfig
    base_model_prefix = "model"
    # The loss of a micro-batch is its mean; Trainer then divides by the accumulation steps. Otherwise it would take our **kwargs
    # for a promise to normalise by num_items_in_batch, and gradients would grow with accumulation and with processes.
    accepts_loss_kwargs = False
    _supports_sdpa = True
    _supports_flash_attn = True
    _supports_flex_attn = True
    _supports_attention_backend = True
    _auto_model: ClassVar[Any]
    _default_position: ClassVar[str]

    def __init__(self, config: FairDropoutConfig, model: PreTrainedModel | None = None):
        super().__init__(config)
        config.sync_labels()
        if model is None:
            if type(config.base_config) not in self._auto_model._model_mapping:
                base = config.base_config.model_type
                raise ValueError(f"{type(self).__name__} cannot hold {base!r}, which is no classifier of its inputs; use the other wrapper")
            model = self._auto_model.from_config(config.base_config, dtype=torch.get_default_dtype())
        else:
            for module in model.modules():
                module._is_hf_initialized = True  # keep the weights it came with
        self.model = attach(model, config)
        self.num_labels = config.num_labels
        self.main_input_name = model.main_input_name
        self._no_split_modules = model._no_split_modules
        self.supports_gradient_checkpointing = model.supports_gradient_checkpointing
        self.post_init()

    @classmethod
    def from_base(
        cls,
        name_or_path_or_model: str | PreTrainedModel,
        *,
        positions: tuple[str, ...] | list[str] | str | None = None,
        p_gen: float = 0.2,
        p_mem: float = 0.2,
        num_labels: int | None = None,
        mask_seed: int = 0,
        allocation: str = "fixed",
        rescale: bool = False,
        inference: str = "drop",
        projection_size: int | None = None,
        dropout_control: str = "none",
        **kwargs: Any,
    ):
        """Wrap a plain checkpoint or model.

        Args:
            name_or_path_or_model: Hub name or folder of a checkpoint, or a classifier; a classifier is wrapped in place, not copied.
            positions: Where FairDropout goes; see `FairDropoutConfig` for this and every argument but `num_labels`. By default `"dp4"` for images
                and `"dpfc"` for text.
            p_gen: Share of generalizing neurons.
            p_mem: Share of the memorizing neurons that each row is given.
            num_labels: Number of classes; a checkpoint with another number gets a new head. A model must have it already.
            mask_seed: Which family of masks.
            allocation: `"fixed"` or `"bernoulli"`.
            rescale: Whether inference keeps the expected sum of training.
            inference: `"drop"` or `"keep"`.
            projection_size: Width of the layer that `"dpfc"` adds.
            dropout_control: `"none"`, `"rate_matched"` or `"slim"`.
            **kwargs: For `from_pretrained` of the plain classifier, such as `id2label`, `dtype` or `revision`.

        Returns:
            The wrapped classifier, in evaluation mode if it was loaded.

        Raises:
            ValueError: If an argument is outside its choices, or a position is not in the model.
        """
        fields = {
            "positions": cls._default_position if positions is None else positions,
            "p_gen": p_gen,
            "p_mem": p_mem,
            "mask_seed": mask_seed,
            "allocation": allocation,
            "rescale": rescale,
            "inference": inference,
            "projection_size": projection_size,
            "dropout_control": dropout_control,
        }
        FairDropoutConfig(**fields)  # refuse bad arguments before anything is downloaded
        if isinstance(name_or_path_or_model, nn.Module):
            base = _checked_base(name_or_path_or_model, num_labels, kwargs, cls)
        else:
            if num_labels is not None:
                kwargs["num_labels"] = num_labels
            base = cls._auto_model.from_pretrained(name_or_path_or_model, ignore_mismatched_sizes=True, **kwargs)
            if isinstance(base, FairDropoutPreTrainedModel):
                raise ValueError(f"{name_or_path_or_model!r} is a FairDropout model already; load it with {cls.__name__}.from_pretrained")
        wrapped = cls(FairDropoutConfig(base.config, **fields, dtype=base.dtype), model=base)
        return wrapped.train(base.training)

    def gradient_checkpointing_enable(self, *args: Any, **kwargs: Any) -> None:
        """As in any `PreTrainedModel`; the wrapped classifier knows how."""
        self.model.gradient_checkpointing_enable(*args, **kwargs)

    def gradient_checkpointing_disable(self) -> None:
        """As in any `PreTrainedModel`; the wrapped classifier knows how."""
        self.model.gradient_checkpointing_disable()

    def _classify(self, row_index: torch.Tensor | None, labels: torch.Tensor | None, inputs: dict[str, Any]) -> ModelOutput:
        inputs = {name: value for name, value in inputs.items() if value is not None}
        if labels is not None:
            inputs["labels"] = labels
        if self.main_input_name not in inputs and "inputs_embeds" not in inputs:
            raise ValueError(
                f"forward needs `{self.main_input_name}`, but the batch has {sorted(inputs)}; preprocess the data first (see the README)"
            )
        hand_over_row_index(self, row_index, list(inputs))
        return self.model(**{**inputs, "return_dict": True})


class FairDropoutForImageClassification(FairDropoutPreTrainedModel):
    """Any image classifier of transformers, or of timm through `TimmWrapper`, with FairDropout.

    >>> from transformers import ResNetConfig
    >>> base = ResNetConfig(embedding_size=8, hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1], layer_type="basic")
    >>> model = FairDropoutForImageClassification(FairDropoutConfig(base, positions=["dp4"], p_gen=0.5))
    >>> images, rows = torch.randn(2, 3, 32, 32), torch.tensor([0, 1])
    >>> model.train()(images, row_index=rows).logits.shape
    torch.Size([2, 2])
    """

    _auto_model = AutoModelForImageClassification
    _default_position = "dp4"
    main_input_name = "pixel_values"
    input_modalities = ("image",)

    def forward(
        self,
        pixel_values: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        row_index: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> ImageClassifierOutput | tuple:
        """Classify images.

        Args:
            pixel_values: Images of shape (batch, channels, height, width).
            labels: int64 tensor of shape (batch,); with it the output has the loss.
            row_index: int64 tensor of shape (batch,), the number of each training row. Needed in training, not looked at in inference.
            return_dict: Whether to return an output object (default) or a tuple.
            **kwargs: For the wrapped classifier, such as `output_hidden_states`.

        Returns:
            Loss and logits of shape (batch, num_labels).

        Raises:
            ValueError: If training lacks `row_index`.
        """
        output = self._classify(row_index, labels, {"pixel_values": pixel_values, **kwargs})
        return _as_output(ImageClassifierOutput, output, return_dict, self.config)


class FairDropoutForSequenceClassification(FairDropoutPreTrainedModel):
    """Any text classifier of transformers with FairDropout."""

    _auto_model = AutoModelForSequenceClassification
    _default_position = "dpfc"
    main_input_name = "input_ids"
    input_modalities = ("text",)

    def forward(
        self,
        input_ids: torch.Tensor | None = None,
        attention_mask: torch.Tensor | None = None,
        token_type_ids: torch.Tensor | None = None,
        position_ids: torch.Tensor | None = None,
        inputs_embeds: torch.Tensor | None = None,
        labels: torch.Tensor | None = None,
        row_index: torch.Tensor | None = None,
        return_dict: bool | None = None,
        **kwargs: Any,
    ) -> SequenceClassifierOutput | tuple:
        """Classify texts.

        Args:
            input_ids: Tokens of shape (batch, length); so are the masks and ids beside them.
            attention_mask: 1 at tokens, 0 at padding.
            token_type_ids: Which of two sentences a token is of, for the models that ask.
            position_ids: Positions of the tokens, for the models that ask.
            inputs_embeds: Embeddings of shape (batch, length, width) in place of `input_ids`.
            labels: int64 tensor of shape (batch,); with it the output has the loss.
            row_index: int64 tensor of shape (batch,), the number of each training row. Needed in training, not looked at in inference.
            return_dict: Whether to return an output object (default) or a tuple.
            **kwargs: For the wrapped classifier.

        Returns:
            Loss and logits of shape (batch, num_labels).

        Raises:
            ValueError: If training lacks `row_index`.
        """
        inputs = {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "token_type_ids": token_type_ids,
            "position_ids": position_ids,
            "inputs_embeds": inputs_embeds,
            **kwargs,
        }
        output = self._classify(row_index, labels, inputs)
        return _as_output(SequenceClassifierOutput, output, return_dict, self.config)


def inject_fair_dropout(model: nn.Module, config: FairDropoutConfig) -> nn.Module:
    """Put FairDropout into any `nn.Module`, in place; the model then also takes `row_index` by keyword.

    The low-level door, for training loops of one's own. A wrapper is what `Trainer`, `save_pretrained` and `from_pretrained` understand.

    Args:
        model: Any network. Its positions are module paths, or the names in `POSITIONS` that fit it.
        config: Says where and how strongly; its `base_config` is not looked at.

    Returns:
        The same model.

    Raises:
        ValueError: If a position is not in the model, or it has FairDropout already.

    >>> net = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    >>> net = inject_fair_dropout(net, FairDropoutConfig(positions=["0"], p_gen=0.5))
    >>> net(torch.ones(3, 4), row_index=torch.arange(3)).shape
    torch.Size([3, 2])
    """
    attach(model, config)
    model.register_forward_pre_hook(_take_row_index, with_kwargs=True)
    return model


def _take_row_index(model: nn.Module, args: tuple, kwargs: dict[str, Any]) -> tuple[tuple, dict[str, Any]]:
    kwargs = dict(kwargs)
    hand_over_row_index(model, kwargs.pop("row_index", None), list(kwargs))
    return args, kwargs


def _checked_base(model: nn.Module, num_labels: int | None, kwargs: dict[str, Any], wrapper: type[FairDropoutPreTrainedModel]) -> PreTrainedModel:
    if isinstance(model, FairDropoutPreTrainedModel):
        raise ValueError(f"this {type(model).__name__} has FairDropout already; wrap the plain model, or load it with from_pretrained")
    if not isinstance(model, PreTrainedModel):
        raise TypeError(
            f"from_base wraps transformers classifiers, not a {type(model).__name__}; use inject_fair_dropout(model, config) for any nn.Module"
        )
    if model.main_input_name != wrapper.main_input_name:
        raise ValueError(
            f"{type(model).__name__} reads {model.main_input_name}, and {wrapper.__name__} wraps models that read {wrapper.main_input_name}"
        )
    if kwargs:
        raise TypeError(f"from_base was given a model and {sorted(kwargs)}, which are no arguments of it, or are for loading a checkpoint only")
    if num_labels not in (None, model.config.num_labels):
        raise ValueError(
            f"num_labels={num_labels}, but the model has {model.config.num_labels}; give the model a head with {num_labels} outputs first"
        )
    return model


def _as_output(output_class: type[ModelOutput], output: ModelOutput, return_dict: bool | None, config: FairDropoutConfig) -> ModelOutput | tuple:
    result = output_class(
        loss=output.get("loss"),
        logits=output.logits,
        hidden_states=output.get("hidden_states"),
        attentions=output.get("attentions"),
    )
    return result if (config.return_dict if return_dict is None else return_dict) else result.to_tuple()


AutoConfig.register(FairDropoutConfig.model_type, FairDropoutConfig)
AutoModelForImageClassification.register(FairDropoutConfig, FairDropoutForImageClassification)
AutoModelForSequenceClassification.register(FairDropoutConfig, FairDropoutForSequenceClassification)
