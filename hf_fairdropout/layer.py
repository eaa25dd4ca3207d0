"""FairDropout as a layer: masks its input, and holds neither parameters nor buffers."""

import torch
from torch import nn

from .masks import check_allocation, check_row_index, example_tied_mask, neuron_counts

CONTROLS = ("none", "rate_matched", "slim")
INFERENCE_MODES = ("drop", "keep")


def check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise a ValueError that names the parameter, its value and the choices, unless `value` is one of them."""
    if value not in choices:
        raise ValueError(f"{name}={value!r} is unknown; choose one of {', '.join(choices)}")


class FairDropout(nn.Module):
    """Example-tied dropout (paper, Section 3.3): each training row uses the generalizing neurons and its own memorizing ones.

    With `p_gen = 1` it is the identity.

    Args:
        num_neurons: Size of the input along `channel_dim`.
        p_gen: Share of generalizing neurons, in [0, 1].
        p_mem: Share of the memorizing neurons that each row is given, in [0, 1].
        seed: Which family of masks (see `example_tied_mask`).
        position: Number of the layer in its network; layers have independent masks.
        channel_dim: Which dimension holds the neurons; 1 or -1 as a rule, never 0, which is the batch.
        allocation: `"fixed"` or `"bernoulli"` (see `example_tied_mask`).
        rescale: At inference in mode "drop", multiply what remains by (expected active neurons in training) / (generalizing neurons).
        dropout_control: `"none"` is FairDropout. `"rate_matched"` draws the memorizing neurons afresh at each step, from torch's generator as
            any dropout does. `"slim"` never uses the memorizing neurons.
        inference: `"drop"` makes memorizing neurons zero (the paper). `"keep"` keeps each, times the share of the rows that own it.

    Attributes:
        row_index: The rows of the batch in hand, put here by a wrapper for the hook that calls this layer.

    Raises:
        ValueError: If an argument is outside its choices.
    """

    def __init__(
        self,
        num_neurons: int,
        p_gen: float,
        p_mem: float,
        *,
        seed: int = 0,
        position: int = 0,
        channel_dim: int = 1,
        allocation: str = "fixed",
        rescale: bool = False,
        dropout_control: str = "none",
        inference: str = "drop",
    ):
        super().__init__()
        self.n_gen, self.n_own = neuron_counts(num_neurons, p_gen, p_mem)
        check_allocation(allocation)
        check_choice("dropout_control", dropout_control, CONTROLS)
        check_choice("inference", inference, INFERENCE_MODES)
        if channel_dim == 0:
            raise ValueError("channel_dim=0 is the batch; give the dimension that holds the neurons")
        if rescale and self.n_gen == 0:
            raise ValueError(f"rescale=True needs a generalizing neuron, but p_gen={p_gen} of {num_neurons} neurons leaves none")
        self.num_neurons, self.p_gen, self.p_mem = num_neurons, p_gen, p_mem
        self.seed, self.position, self.channel_dim = seed, position, channel_dim
        self.allocation, self.rescale = allocation, rescale
        self.dropout_control, self.inference = dropout_control, inference
        self.row_index: torch.Tensor | None = None

    @property
    def needs_row_index(self) -> bool:
        """Whether a training step depends on which rows are in the batch."""
        return self.dropout_control == "none" and self.n_gen < self.num_neurons

    @property
    def keep_rate(self) -> float:
        """The share of training rows that use one memorizing neuron."""
        n_mem = self.num_neurons - self.n_gen
        if n_mem == 0 or self.dropout_control == "slim":
            return 0.0
        return float(self.p_mem) if self.allocation == "bernoulli" else self.n_own / n_mem

    @property
    def rescale_factor(self) -> float:
        """What mode "drop" multiplies the generalizing neurons by: 1 unless `rescale`."""
        if not self.rescale:
            return 1.0
        return 1.0 + self.keep_rate * (self.num_neurons - self.n_gen) / self.n_gen

    def forward(self, x: torch.Tensor, row_index: torch.Tensor | None = None) -> torch.Tensor:
        """Mask the activation.

        Args:
            x: Activation of shape (batch, ...), with `num_neurons` along `channel_dim`. Its dtype and memory format are kept.
            row_index: int64 tensor of shape (batch,). Needed in training, not looked at in inference.

        Returns:
            A tensor like `x`.

        Raises:
            ValueError: If `x` has another width, or training lacks `row_index`, or `row_index` does not fit the batch.
        """
        if x.dim() < 2 or not -x.dim() < self.channel_dim < x.dim() or x.shape[self.channel_dim] != self.num_neurons:
            raise ValueError(
                f"num_neurons={self.num_neurons} does not fit the activation of shape {tuple(x.shape)} at channel_dim={self.channel_dim}; "
                "give the width and the dimension of the layer that this FairDropout follows"
            )
        if self.n_gen == self.num_neurons:
            return x
        if not self.training:
            return x * self._inference_scale(x)
        if self.dropout_control == "slim":
            return x * self._inference_scale(x, rescale=False)
        return x * self._broadcast(self._training_mask(x, row_index), x)

    def _training_mask(self, x: torch.Tensor, row_index: torch.Tensor | None) -> torch.Tensor:
        if self.dropout_control == "rate_matched":
            row_index = torch.randint(2**62, (x.shape[0],), device=x.device)
        elif row_index is None:
            raise ValueError("training needs `row_index`, the number of each row of the batch; add it with add_row_index(dataset) before shuffling")
        else:
            check_row_index(row_index)
            if row_index.shape[0] != x.shape[0]:
                raise ValueError(f"row_index has {row_index.shape[0]} entries for a batch of {x.shape[0]}; give one number per example")
        return example_tied_mask(
            row_index.to(x.device),
            self.num_neurons,
            self.p_gen,
            self.p_mem,
            seed=self.seed,
            position=self.position,
            allocation=self.allocation,
        )

    def _inference_scale(self, x: torch.Tensor, rescale: bool = True) -> torch.Tensor:
        """One factor a neuron, shaped to multiply `x`."""
        is_generalizing = torch.arange(self.num_neurons, device=x.device) < self.n_gen
        if self.inference == "keep" and not self.training:
            scale = torch.where(is_generalizing, 1.0, self.keep_rate)
        else:
            scale = is_generalizing * (self.rescale_factor if rescale else 1.0)
        return self._broadcast(scale[None], x)

    def _broadcast(self, mask: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        """Shape a (batch or 1, num_neurons) mask to multiply `x`, in its dtype."""
        shape = [1] * x.dim()
        shape[0], shape[self.channel_dim] = mask.shape
        return mask.view(shape).to(x.dtype)

    def extra_repr(self) -> str:
        control = "" if self.dropout_control == "none" else f", dropout_control={self.dropout_control!r}"
        return f"{self.num_neurons}, p_gen={self.p_gen}, p_mem={self.p_mem}, position={self.position}, inference={self.inference!r}{control}"
