"""Metrics per group, as a function and as an `evaluate.Metric`."""

from pathlib import Path

from .functional import SCALAR_METRICS, SMALL_GROUP, group_metrics
from .intervals import bootstrap_intervals, wilson_interval

GROUP_ROBUSTNESS = str(Path(__file__).parent / "group_robustness")
"""Path for `evaluate.load(GROUP_ROBUSTNESS)`, which then needs no network."""

__all__ = ["GROUP_ROBUSTNESS", "SCALAR_METRICS", "SMALL_GROUP", "bootstrap_intervals", "group_metrics", "wilson_interval"]
