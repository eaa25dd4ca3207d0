"""Metrics per group: one pure function from predictions to a dictionary."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    precision_score,
    roc_auc_score,
)

from .intervals import bootstrap_intervals

SMALL_GROUP = 30
"""Groups with fewer rows than this are flagged: their accuracy moves by several points with one row."""


SCALAR_METRICS = (
    *("average_accuracy", "worst_group_accuracy", "adjusted_accuracy", "balanced_accuracy", "worst_class_accuracy", "worst_precision", "worst_f1"),
    *("auroc", "auprc", "brier", "log_loss", "ece", "ece_subpopbench", "train_weighted_accuracy"),
)
"""The numbers that `group_metrics` can return."""


def group_metrics(
    predictions_or_probabilities: Any,
    labels: Any,
    attributes: Any = None,
    *,
    confidence: float = 0.95,
    seed: int = 0,
    label_names: Sequence[str] | None = None,
    attribute_names: Sequence[str] | None = None,
    train_group_rows: Sequence[int] | None = None,
) -> dict[str, Any]:
    """Every metric of the subpopulation-shift benchmark (Yang et al. 2023), with the groups label × attribute.

    Args:
        predictions_or_probabilities: Predicted labels of shape (rows,), or probabilities of shape (rows, labels) that sum to 1.
        labels: True labels, shape (rows,).
        attributes: Attributes, shape (rows,); None, or all 0, where there are none, and the groups are then the classes.
        confidence: Of the bootstrap intervals.
        seed: Of the bootstrap.
        label_names: Name of each label; their numbers by default.
        attribute_names: Name of each attribute; their numbers by default.
        train_group_rows: Rows of each group in the training split, for `train_weighted_accuracy`: the average reweighted to the training mixture.

    Returns:
        Numbers: `average_accuracy`, `worst_group_accuracy`, `adjusted_accuracy` (unweighted mean over groups), `balanced_accuracy` (over classes),
        `worst_class_accuracy`, `worst_precision`, `worst_f1`; with probabilities also `auroc`, `auprc` (one-vs-rest, unweighted mean),
        `brier`, `log_loss`, `ece` (confidence, 10 bins) and for two labels `ece_subpopbench` (bins of P(y=1), as that benchmark has it).
        Intervals: `average_accuracy_interval`, `worst_group_accuracy_interval`. Tables: `groups`, `classes`, `attributes`, each name to
        `{"rows", "accuracy"}`. Names: `worst_group`, `absent_groups` (left out of everything), `small_groups` (under 30 rows).

    Raises:
        ValueError: If the shapes differ, there are no rows, or a value is outside its range.

    >>> result = group_metrics([0, 1, 1, 1], [0, 1, 0, 1], [0, 0, 1, 1], label_names=["cat", "dog"], attribute_names=["in", "out"])
    >>> result["average_accuracy"], result["worst_group_accuracy"], result["worst_group"]
    (0.75, 0.0, 'cat/out')
    """
    predictions, probabilities = _split_predictions(np.asarray(predictions_or_probabilities))
    labels = np.asarray(labels)
    attributes = np.zeros(len(labels), dtype=np.int64) if attributes is None else np.asarray(attributes)
    for name, values in (("predictions", predictions), ("labels", labels), ("attributes", attributes)):
        _check_codes(name, values, rows=len(labels))
    known = probabilities.shape[1] if probabilities is not None else max(labels.max(), predictions.max()) + 1
    label_names = _names("label_names", label_names, known, exact=probabilities is not None)
    attribute_names = _names("attribute_names", attribute_names, attributes.max() + 1)
    if labels.max() >= len(label_names):
        raise ValueError(f"labels hold {labels.max()}, but there are {len(label_names)} classes")

    right = predictions == labels
    groups = labels * len(attribute_names) + attributes
    has_attributes = len(attribute_names) > 1
    group_names = [f"{label}/{attribute}" for label in label_names for attribute in attribute_names] if has_attributes else list(label_names)
    group_table, class_table = _accuracy_table(right, groups, group_names), _accuracy_table(right, labels, label_names)
    present = list(group_table)
    rows = np.array([group_table[name]["rows"] for name in present])
    accuracies = np.array([group_table[name]["accuracy"] for name in present])
    intervals = bootstrap_intervals(accuracies * rows, rows, confidence=confidence, seed=seed)
    result = {
        "average_accuracy": float(right.mean()),
        "average_accuracy_interval": list(intervals["average"]),
        "worst_group_accuracy": float(accuracies.min()),
        "worst_group_accuracy_interval": list(intervals["worst"]),
        "worst_group": present[int(accuracies.argmin())],
        "adjusted_accuracy": float(accuracies.mean()),
        "worst_class_accuracy": min(entry["accuracy"] for entry in class_table.values()),
        **_class_scores(predictions, labels),
        **(_probability_scores(probabilities, labels) if probabilities is not None else {}),
        "groups": group_table,
        "classes": class_table,
        "attributes": _accuracy_table(right, attributes, attribute_names) if has_attributes else {},
        "absent_groups": [name for name in group_names if name not in group_table],
        "small_groups": [name for name in present if group_table[name]["rows"] < SMALL_GROUP],
    }
    if train_group_rows is not None:
        result["train_weighted_accuracy"] = _train_weighted(group_table, group_names, train_group_rows)
    return result


def _split_predictions(values: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """Predicted labels, and the probabilities if that is what was given."""
    if values.ndim == 2 and values.shape[1] > 1:
        values = values.astype(np.float64)
        if not np.isfinite(values).all():
            raise ValueError("probabilities hold NaN or infinity; the model has diverged")
        if (values < 0).any() or np.abs(values.sum(axis=1) - 1).max(initial=0) > 1e-3:
            raise ValueError("probabilities do not sum to 1 in every row; give softmax(logits), not logits")
        return values.argmax(axis=1), values / values.sum(axis=1, keepdims=True)
    return values, None


def _check_codes(name: str, values: np.ndarray, rows: int) -> None:
    if values.ndim != 1 or len(values) != rows:
        raise ValueError(f"{name} has shape {values.shape}; give one value for each of the {rows} rows")
    if rows == 0:
        raise ValueError("there are no rows to evaluate")
    if values.dtype.kind not in "iu" or values.min() < 0:
        raise ValueError(f"{name} has dtype {values.dtype} and begins with {values[:3].tolist()}; give whole numbers from 0")


def _names(parameter: str, names: Sequence[str] | None, count: int, exact: bool = False) -> list[str]:
    if names is None:
        return [str(number) for number in range(count)]
    if len(names) < count or (exact and len(names) != count):
        raise ValueError(f"{parameter} has {len(names)} names for {count} values: {list(names)}")
    return list(names)


def _accuracy_table(right: np.ndarray, codes: np.ndarray, names: Sequence[str]) -> dict[str, dict[str, Any]]:
    """Rows and accuracy of each name that has rows."""
    rows = np.bincount(codes, minlength=len(names))
    correct = np.bincount(codes, weights=right, minlength=len(names))
    return {name: {"rows": int(n), "accuracy": float(c / n)} for name, n, c in zip(names, rows, correct, strict=True) if n}


def _class_scores(predictions: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    classes = np.unique(labels)
    options = {"labels": classes, "average": None, "zero_division": 0}
    return {
        "balanced_accuracy": float(balanced_accuracy_score(labels, predictions)) if len(classes) > 1 else float((predictions == labels).mean()),
        "worst_precision": float(precision_score(labels, predictions, **options).min()),
        "worst_f1": float(f1_score(labels, predictions, **options).min()),
    }


def _probability_scores(probabilities: np.ndarray, labels: np.ndarray) -> dict[str, float]:
    """Ranking and calibration; AUROC and AUPRC over the classes that have rows, and left out where there is one class only."""
    import torch
    from torchmetrics.functional.classification import binary_calibration_error, multiclass_calibration_error

    num_labels = probabilities.shape[1]
    present = np.unique(labels)
    scores: dict[str, float] = {}
    if len(present) > 1:
        columns = present if num_labels > 2 else [1]
        scores["auroc"] = float(np.mean([roc_auc_score(labels == column, probabilities[:, column]) for column in columns]))
        scores["auprc"] = float(np.mean([average_precision_score(labels == column, probabilities[:, column]) for column in columns]))
    scores["brier"] = float(brier_score_loss(labels, probabilities, labels=np.arange(num_labels)))
    scores["log_loss"] = float(log_loss(labels, probabilities, labels=np.arange(num_labels)))
    rows, truth = torch.from_numpy(probabilities), torch.from_numpy(labels.astype(np.int64))
    scores["ece"] = float(multiclass_calibration_error(rows, truth, num_classes=num_labels, n_bins=10))
    if num_labels == 2:
        scores["ece_subpopbench"] = float(binary_calibration_error(rows[:, 1].contiguous(), truth, n_bins=10))
    return scores


def _train_weighted(group_table: dict[str, dict[str, Any]], group_names: list[str], train_group_rows: Sequence[int]) -> float:
    if len(train_group_rows) != len(group_names):
        raise ValueError(f"train_group_rows has {len(train_group_rows)} entries for {len(group_names)} groups: {group_names}")
    weights = dict(zip(group_names, train_group_rows, strict=True))
    total = sum(weights[name] for name in group_table)
    if total == 0:
        raise ValueError("train_group_rows is 0 for every group that has rows here; there is nothing to weigh by")
    return float(sum(weights[name] * entry["accuracy"] for name, entry in group_table.items()) / total)
