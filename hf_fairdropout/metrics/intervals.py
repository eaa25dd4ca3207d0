"""Bootstrap intervals of accuracies over test rows."""

import numpy as np
from scipy.stats import binomtest


def bootstrap_intervals(
    correct: np.ndarray, rows: np.ndarray, *, confidence: float = 0.95, seed: int = 0, draws: int = 10_000
) -> dict[str, tuple[float, float]]:
    """Percentile intervals of the average and the worst accuracy of some groups, by resampling the rows within each group.

    Drawing n rows with replacement from a group where a share is right is one draw of a binomial, so this is the exact bootstrap, only faster.

    Args:
        correct: Number of right answers in each group, shape (groups,).
        rows: Number of rows in each group, shape (groups,), all positive.
        confidence: Share of the draws inside the interval, in (0, 1).
        seed: Of the draws.
        draws: How many.

    Returns:
        `{"average": (low, high), "worst": (low, high)}`.

    Raises:
        ValueError: If `confidence` is outside (0, 1).

    >>> bootstrap_intervals(np.array([50, 5]), np.array([50, 10]))["average"]
    (0.8666, 0.9666)
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence={confidence}: give the share of draws inside the interval, between 0 and 1")
    drawn = np.random.default_rng(seed).binomial(rows, correct / rows, size=(draws, len(rows)))
    tail = (1 - confidence) / 2
    samples = {"average": drawn.sum(1) / rows.sum(), "worst": (drawn / rows).min(1)}
    return {name: tuple(np.quantile(sample, [tail, 1 - tail]).tolist()) for name, sample in samples.items()}


def wilson_interval(accuracy: float, rows: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson interval of one accuracy; unlike a bootstrap it has a width at 0 and at 1.

    >>> wilson_interval(1.0, 12)
    (0.757, 1.0)
    """
    interval = binomtest(round(accuracy * rows), rows).proportion_ci(confidence, method="wilson")
    return float(interval.low), float(interval.high)
