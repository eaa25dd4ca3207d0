"""What the paper's Table 1 says of each benchmark, for comparison with what was loaded."""

from collections import Counter
from typing import NamedTuple

from datasets import DatasetDict

from .schema import GROUP
from .splits import SPLITS


class Published(NamedTuple):
    """Sizes of train, validation and test, and rows of each group in the order label · n_attributes + attribute (None where not published)."""

    sizes: tuple[int, int, int]
    train: tuple[int, ...] | None
    validation: tuple[int, ...] | None
    test: tuple[int, ...] | None


PUBLISHED = {
    "waterbirds": Published((4795, 1199, 5794), (3498, 184, 56, 1057), (467, 466, 133, 133), (2255, 2255, 642, 642)),
    "celeba": Published((162770, 19867, 19962), (71629, 66874, 22880, 1387), (8535, 8276, 2874, 182), (9767, 7535, 2480, 180)),
    "metashift": Published((2276, 349, 874), (784, 507, 196, 789), (127, 75, 33, 114), (273, 191, 65, 345)),
    "multinli": Published(
        (206175, 82462, 123712),
        (57498, 11158, 67376, 1521, 66630, 1992),
        (22814, 4634, 26949, 613, 26655, 797),
        (34597, 6655, 40496, 886, 39930, 1148),
    ),
    "mimic_cxr": Published((303591, 17859, 35717), None, None, None),
}
_MIMIC_EXTREMES = (7846, 68575)


def compare_with_published(name: str, benchmark: DatasetDict) -> tuple[list[tuple[str, str, str, str]], bool]:
    """Set the loaded rows of each split and group beside the published ones.

    Args:
        name: Name of the benchmark.
        benchmark: What was loaded.

    Returns:
        Rows (what, loaded, published, "exact" or the difference), and whether all that is published is exact.
    """
    published = PUBLISHED.get(name)
    rows, is_exact = [], True

    def add(what: str, loaded: int, expected: int | None) -> None:
        nonlocal is_exact
        verdict = "not published" if expected is None else "exact" if loaded == expected else f"{loaded - expected:+d}"
        is_exact = is_exact and expected in (None, loaded)
        rows.append((what, str(loaded), "" if expected is None else str(expected), verdict))

    for number, split in enumerate(SPLITS):
        counts = Counter(benchmark[split][GROUP][:])
        add(split, len(benchmark[split]), published.sizes[number] if published else None)
        expected = getattr(published, split) if published else None
        for group, group_name in enumerate(benchmark[split].features[GROUP].names):
            add(f"  {group_name}", counts[group], expected[group] if expected else None)
        if name == "mimic_cxr" and split == "train":
            add("  smallest group", min(counts.values()), _MIMIC_EXTREMES[0])
            add("  largest group", max(counts.values()), _MIMIC_EXTREMES[1])
    return rows, is_exact
