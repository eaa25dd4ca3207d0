"""Which checkpoint is the best, by rules that use only what the user is allowed to know."""

import difflib

from ..metrics import SCALAR_METRICS

ATTRIBUTE_METRICS = ("worst_group_accuracy", "adjusted_accuracy", "train_weighted_accuracy")
"""Metrics of the validation split that cannot be computed without attributes."""

KNOWLEDGE = ("none", "known")
"""What may be known of the attributes in training and selection: nothing (the paper's setting), or everything."""


def default_rule(attributes: str) -> str:
    """The metric that picks the checkpoint: worst class without attributes (paper, Section 4.2.1), worst group with them."""
    return "worst_group_accuracy" if attributes == "known" else "worst_class_accuracy"


def check_rule_name(rule: str) -> None:
    """Raise a ValueError, with near misses, unless a rule is one of the metrics that every evaluation has."""
    name = rule.removeprefix("eval_").removeprefix("keep_")
    if name not in (*SCALAR_METRICS, "loss") and not name.startswith("group_accuracy/"):
        near = difflib.get_close_matches(name, SCALAR_METRICS, n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else f"choose one of {', '.join(SCALAR_METRICS)}"
        raise ValueError(f"metric_for_best_model={rule!r} is no metric; {hint}")


def refuse_leak(rule: str, attributes: str) -> None:
    """Refuse a rule that looks at attributes that are not to be known.

    Args:
        rule: Metric that picks the checkpoint, with or without `eval_`.
        attributes: One of `KNOWLEDGE`.

    Raises:
        ValueError: If it leaks.
    """
    name = rule.removeprefix("eval_").removeprefix("keep_")
    if attributes == "none" and (name in ATTRIBUTE_METRICS or name.startswith("group_accuracy")):
        raise ValueError(
            f"metric_for_best_model={rule!r} looks at validation attributes, but attributes='none' says that they are unknown: a leak; "
            "select by 'worst_class_accuracy', or say attributes='known' if they are"
        )
