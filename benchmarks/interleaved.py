"""Time two functions side by side: pairs in alternating order, and the median of the ratios, which a noisy machine moves least."""

import statistics
import time
from collections.abc import Callable


def seconds(function: Callable[[], object]) -> float:
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def compare(ours: Callable[[], object], theirs: Callable[[], object], pairs: int = 10) -> tuple[float, float, float]:
    """Median seconds of both, and the median of ours / theirs over the pairs."""
    ours(), theirs()
    times = []
    for number in range(pairs):
        if number % 2:
            second, first = seconds(theirs), seconds(ours)
        else:
            first, second = seconds(ours), seconds(theirs)
        times.append((first, second))
    medians = [statistics.median(column) for column in zip(*times, strict=True)]
    return medians[0], medians[1], statistics.median(a / b for a, b in times)
