"""The example-tied mask: which neurons a training example may use.

A mask is computed from the row's number, never stored: a data set of any size costs no memory, and nothing has to be kept in step between
processes, restarts or epochs.
"""

import torch

_WORD = 0xFFFFFFFF
# The constants of the lowbias32 hash. The second one is written as its signed value: products of a 32-bit word with it then stay above -2^63.
# (torch.compile generates C++, where an overflowing int64 product is undefined behaviour, and was seen to corrupt memory.)
_FIRST_FACTOR = 0x7FEB352D
_SECOND_FACTOR = 0x846CA68B - 2**32


def _hash_word(word):
    """Hash 32-bit words, carried in int64 tensors or Python ints, to 32-bit words (the lowbias32 bijection)."""
    word = word ^ (word >> 16)
    word = (word * _FIRST_FACTOR) & _WORD
    word = word ^ (word >> 15)
    word = (word * _SECOND_FACTOR) & _WORD
    return word ^ (word >> 16)


def neuron_counts(num_neurons: int, p_gen: float, p_mem: float) -> tuple[int, int]:
    """How many neurons are generalizing, and how many memorizing ones each example is given.

    Args:
        num_neurons: Width of the layer.
        p_gen: Share of generalizing neurons, in [0, 1].
        p_mem: Share of the memorizing neurons that one example is given, in [0, 1].

    Returns:
        `(n_gen, n_own)`: `n_gen = round(p_gen * num_neurons)`, and of the `n_mem = num_neurons - n_gen` others
        `n_own = max(1, round(p_mem * n_mem))`, but 0 if `p_mem == 0`.

    Raises:
        ValueError: If a share is outside [0, 1] or not a number, or if `num_neurons` is not positive.

    >>> neuron_counts(10, 0.2, 0.25)
    (2, 2)
    >>> neuron_counts(10, 1.0, 0.25)
    (10, 0)
    """
    check_share("p_gen", p_gen)
    check_share("p_mem", p_mem)
    if num_neurons < 1:
        raise ValueError(f"num_neurons={num_neurons}: a layer has at least one neuron")
    n_gen = round(p_gen * num_neurons)
    n_mem = num_neurons - n_gen
    if n_mem == 0 or p_mem == 0:
        return n_gen, 0
    return n_gen, max(1, round(p_mem * n_mem))


def check_share(name: str, value: float) -> None:
    """Raise a ValueError unless `value` is a number in [0, 1]."""
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not is_number or not 0 <= value <= 1:  # NaN compares false
        raise ValueError(f"{name}={value!r} is not a share of neurons: give a number in [0, 1]")


ALLOCATIONS = ("fixed", "bernoulli")


def check_allocation(allocation: str) -> None:
    """Raise a ValueError unless `allocation` is one of `ALLOCATIONS`."""
    if allocation not in ALLOCATIONS:
        raise ValueError(f"allocation={allocation!r} is unknown; choose one of {', '.join(ALLOCATIONS)}")


def check_row_index(row_index: torch.Tensor) -> None:
    """Raise unless `row_index` is a 1-D integer tensor; on the CPU (where looking is free) also unless it is non-negative.

    Raises:
        TypeError: If it is not a tensor of integers.
        ValueError: If it has another number of dimensions, or a negative entry.
    """
    if not isinstance(row_index, torch.Tensor):
        raise TypeError(f"row_index is a {type(row_index).__name__}; give a 1-D int64 tensor with the number of each row")
    if row_index.is_floating_point() or row_index.is_complex() or row_index.dtype == torch.bool:
        raise TypeError(f"row_index has dtype {row_index.dtype}; give the row numbers as int64, as add_row_index(dataset) makes them")
    if row_index.dim() != 1:
        raise ValueError(f"row_index has shape {tuple(row_index.shape)}; give one number per example: shape (batch,)")
    if row_index.device.type == "cpu" and not torch.compiler.is_compiling() and (row_index < 0).any():
        raise ValueError(f"row_index holds {row_index.min().item()}; row numbers run from 0 to 2**63 - 1")


def example_tied_mask(
    row_index: torch.Tensor,
    num_neurons: int,
    p_gen: float,
    p_mem: float,
    *,
    seed: int = 0,
    position: int = 0,
    allocation: str = "fixed",
) -> torch.Tensor:
    """The neurons that each row may use in training (paper, Section 3.3 and Figure 4).

    A pure function of its arguments: a row has the same mask on any device, in any batch, process or order. It never touches a random generator.

    Args:
        row_index: int64 tensor of shape (batch,): the number of each row in its data set, from 0 to 2**63 - 1.
        num_neurons: Width of the layer.
        p_gen: Share of generalizing neurons, in [0, 1]. They come first.
        p_mem: Share of the memorizing neurons that each row is given, in [0, 1].
        seed: Which family of masks.
        position: Number of the layer in its network; layers have independent masks.
        allocation: `"fixed"` gives each row exactly as many memorizing neurons as the next; `"bernoulli"` gives each neuron with
            probability `p_mem` (Maini et al. 2023).

    Returns:
        bool tensor of shape (batch, num_neurons), True where the row uses the neuron.

    Raises:
        ValueError: If a share, the allocation or the shape of `row_index` is not as above, or (on the CPU) a row number is negative.
        TypeError: If `row_index` is not a tensor of integers.

    >>> example_tied_mask(torch.tensor([7, 8]), 8, p_gen=0.25, p_mem=0.34).int()
    tensor([[1, 1, 0, 0, 1, 0, 0, 1],
            [1, 1, 1, 1, 0, 0, 0, 0]], dtype=torch.int32)
    """
    n_gen, n_own = neuron_counts(num_neurons, p_gen, p_mem)
    check_allocation(allocation)
    check_row_index(row_index)
    n_mem = num_neurons - n_gen
    generalizing = row_index.new_ones((row_index.shape[0], n_gen), dtype=torch.bool)
    if n_own in (0, n_mem) and (allocation == "fixed" or p_mem in (0, 1)):
        memorizing = row_index.new_full((row_index.shape[0], n_mem), n_own > 0, dtype=torch.bool)
    else:
        words = _random_words(row_index.long(), n_mem, seed, position)
        memorizing = words < round(p_mem * 2**32) if allocation == "bernoulli" else _largest(words, n_own)
    return torch.cat([generalizing, memorizing], dim=1)


def _random_words(row_index: torch.Tensor, n_mem: int, seed: int, position: int) -> torch.Tensor:
    """Uniform 32-bit words of shape (batch, n_mem). Rows below 2^32 all start from different states, so no two can share their words."""
    stream = _hash_word(_hash_word(_hash_word(seed & _WORD) ^ ((seed >> 32) & _WORD)) ^ (position & _WORD))
    low, high = row_index & _WORD, (row_index >> 32) & _WORD
    row_state = _hash_word(_hash_word(low ^ stream) ^ _hash_word(high ^ _hash_word(stream ^ 1)))
    channel_state = _hash_word(torch.arange(n_mem, device=row_index.device) ^ _hash_word(stream ^ 2))
    return _hash_word(row_state[:, None] ^ channel_state)


def _largest(words: torch.Tensor, count: int) -> torch.Tensor:
    """True at exactly the `count` largest words of each row; the channel number breaks ties, so devices cannot differ."""
    channels = words.shape[1]
    keys = (words << (channels - 1).bit_length()) | torch.arange(channels, device=words.device)
    return keys >= keys.topk(count, dim=1, sorted=False).values.amin(dim=1, keepdim=True)
