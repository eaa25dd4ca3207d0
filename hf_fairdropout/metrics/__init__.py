"""Metrics per group, as a function and as an `evaluate.Metric`."""

from pathlib import Path

from .functional import SMALL_GROUP, group_metrics
from .intervals import bootstrap_intervals

GROUP_ROBUSTNESS = str(Path(__file__).parent / "group_robustness")
"""Path for `evaluate.load(GROUP_ROBUSTNESS)`, which then needs no network."""

__all__ = ["GROUP_ROBUSTNESS", "SMALL_GROUP", "bootstrap_intervals", "group_metrics"]
