"""Naive, independent answers: loops over Python numbers, with nothing taken from the package."""

import math
import random

import numpy as np
import torch

MASK32 = 2**32 - 1


def lowbias32(word: int) -> int:
    """The hash with its published constants and unbounded Python integers."""
    word ^= word >> 16
    word = (word * 0x7FEB352D) & MASK32
    word ^= word >> 15
    word = (word * 0x846CA68B) & MASK32
    return word ^ (word >> 16)


def naive_mask(row_index: int, num_neurons: int, p_gen: float, p_mem: float, seed: int, position: int) -> list[bool]:
    """One row's mask by sorting: the given number of memorizing neurons with the largest (word, channel)."""
    n_gen = round(p_gen * num_neurons)
    n_mem = num_neurons - n_gen
    count = 0 if p_mem == 0 or n_mem == 0 else max(1, round(p_mem * n_mem))
    stream = lowbias32(lowbias32(lowbias32(seed & MASK32) ^ ((seed >> 32) & MASK32)) ^ position)
    row = lowbias32(lowbias32((row_index & MASK32) ^ stream) ^ lowbias32((row_index >> 32) ^ lowbias32(stream ^ 1)))
    words = [(lowbias32(row ^ lowbias32(channel ^ lowbias32(stream ^ 2))), channel) for channel in range(n_mem)]
    own = {channel for _, channel in sorted(words, reverse=True)[:count]}
    return [True] * n_gen + [channel in own for channel in range(n_mem)]


def naive_layer(x: torch.Tensor, masks: list[list[bool]], channel_dim: int) -> torch.Tensor:
    """Zero what each row's mask forbids, one neuron at a time."""
    result = x.clone().movedim(channel_dim, 1)
    for row, mask in enumerate(masks):
        for channel, allowed in enumerate(mask):
            if not allowed:
                result[row, channel] = 0
    return result.movedim(1, channel_dim)


def reference_mask(row_index: torch.Tensor, x: torch.Tensor, p_gen: float, p_mem: float) -> torch.Tensor:
    """Masks as the older method made them: a loop over examples, each seeding a generator and filling a mask of the activation's full shape."""
    mask = torch.zeros_like(x)
    n_gen = int(p_gen * x.shape[1])
    mask[:, :n_gen] = 1
    for row, number in enumerate(row_index.tolist()):
        generator = torch.Generator().manual_seed(number)
        own = torch.bernoulli(torch.full((x.shape[1] - n_gen,), p_mem), generator=generator)
        mask[row, n_gen:] = own.reshape(-1, *([1] * (x.dim() - 2))).expand_as(mask[row, n_gen:])
    return mask


def naive_group_accuracies(predictions, labels, attributes) -> dict[tuple[int, int], float]:
    """Accuracy of each (label, attribute), by a loop over rows."""
    right: dict[tuple[int, int], list[bool]] = {}
    for prediction, label, attribute in zip(predictions, labels, attributes, strict=True):
        right.setdefault((int(label), int(attribute)), []).append(prediction == label)
    return {group: sum(values) / len(values) for group, values in right.items()}


def naive_bootstrap(right: dict[str, list[bool]], confidence: float, draws: int, seed: int) -> dict[str, tuple[float, float]]:
    """Percentile intervals by drawing rows with replacement within groups."""
    generator = random.Random(seed)
    average, worst = [], []
    for _ in range(draws):
        sample = {name: generator.choices(values, k=len(values)) for name, values in right.items()}
        average.append(sum(map(sum, sample.values())) / sum(map(len, sample.values())))
        worst.append(min(sum(values) / len(values) for values in sample.values()))
    tail = (1 - confidence) / 2
    return {name: tuple(np.quantile(values, [tail, 1 - tail])) for name, values in (("average", average), ("worst", worst))}


def naive_ece(probabilities: np.ndarray, labels: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error of the confidence, bin by bin."""
    confidence, right = probabilities.max(1), probabilities.argmax(1) == labels
    total = 0.0
    for number in range(bins):
        inside = [row for row, value in enumerate(confidence) if math.ceil(value * bins) - 1 == number]
        if inside:
            total += len(inside) / len(labels) * abs(np.mean(confidence[inside]) - np.mean(right[inside]))
    return total
