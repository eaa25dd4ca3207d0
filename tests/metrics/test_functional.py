import evaluate
import numpy as np
import oracles
import pytest
from sklearn import metrics as sk

from hf_fairdropout.metrics import GROUP_ROBUSTNESS, bootstrap_intervals, group_metrics

RANDOM = np.random.default_rng(0)
LABELS, ATTRIBUTES = RANDOM.integers(0, 3, 400), RANDOM.integers(0, 2, 400)
PROBABILITIES = RANDOM.dirichlet([0.5, 0.5, 0.5], 400)
PREDICTIONS = PROBABILITIES.argmax(1)


def test_accuracies_equal_naive_loop():
    result = group_metrics(PROBABILITIES, LABELS, ATTRIBUTES)
    naive = oracles.naive_group_accuracies(PREDICTIONS, LABELS, ATTRIBUTES)
    assert {name: entry["accuracy"] for name, entry in result["groups"].items()} == pytest.approx({f"{y}/{a}": v for (y, a), v in naive.items()})
    assert result["worst_group_accuracy"] == pytest.approx(min(naive.values()))
    assert naive[tuple(map(int, result["worst_group"].split("/")))] == min(naive.values())
    assert result["adjusted_accuracy"] == pytest.approx(sum(naive.values()) / 6)
    recalls = sk.recall_score(LABELS, PREDICTIONS, average=None)
    assert result["worst_class_accuracy"] == pytest.approx(recalls.min())
    assert result["balanced_accuracy"] == pytest.approx(recalls.mean())
    by_attribute = [np.mean((PREDICTIONS == LABELS)[a == ATTRIBUTES]) for a in (0, 1)]
    assert [entry["accuracy"] for entry in result["attributes"].values()] == pytest.approx(by_attribute)
    assert sum(entry["rows"] for entry in result["groups"].values()) == 400


def test_scores_by_hand_and_by_scikit_learn():
    result = group_metrics(PROBABILITIES, LABELS, ATTRIBUTES)
    assert result["auroc"] == pytest.approx(sk.roc_auc_score(LABELS, PROBABILITIES, multi_class="ovr"))
    assert result["log_loss"] == pytest.approx(-np.log(PROBABILITIES[np.arange(400), LABELS]).mean())
    assert result["brier"] == pytest.approx(((PROBABILITIES - np.eye(3)[LABELS]) ** 2).sum(1).mean())
    assert result["ece"] == pytest.approx(oracles.naive_ece(PROBABILITIES, LABELS), abs=1e-6)
    assert result["worst_precision"] == pytest.approx(sk.precision_score(LABELS, PREDICTIONS, average=None).min())
    assert result["worst_f1"] == pytest.approx(sk.f1_score(LABELS, PREDICTIONS, average=None).min())
    assert "ece_subpopbench" not in result


def test_binary_scores():
    labels = LABELS % 2
    positive = RANDOM.random(400)
    result = group_metrics(np.stack([1 - positive, positive], 1), labels, ATTRIBUTES)
    assert result["auroc"] == pytest.approx(sk.roc_auc_score(labels, positive))
    assert result["auprc"] == pytest.approx(sk.average_precision_score(labels, positive))
    assert result["brier"] == pytest.approx(((positive - labels) ** 2).mean())
    bins = np.minimum((positive * 10).astype(int), 9)
    naive = sum((bins == b).mean() * abs(positive[bins == b].mean() - labels[bins == b].mean()) for b in range(10) if (bins == b).any())
    assert result["ece_subpopbench"] == pytest.approx(naive, abs=1e-6)


def test_absent_and_small_groups():
    result = group_metrics([0, 1, 1], [0, 1, 1], [0, 0, 0], label_names=["n", "p"], attribute_names=["in", "out"])
    assert result["absent_groups"] == ["n/out", "p/out"]
    assert result["small_groups"] == ["n/in", "p/in"]
    assert result["adjusted_accuracy"] == result["worst_group_accuracy"] == 1
    assert list(result["attributes"]) == ["in"]
    enough = group_metrics([0] * 30 + [1] * 29, [0] * 30 + [1] * 29, [0] * 59)
    assert enough["small_groups"] == ["1"]


def test_one_class_only_and_one_row():
    result = group_metrics(np.array([[0.9, 0.1]]), [0], [0])
    assert result["average_accuracy"] == 1
    assert "auroc" not in result
    assert group_metrics([1], [0], [0])["average_accuracy"] == 0


def test_without_attributes_groups_are_classes():
    result = group_metrics(PREDICTIONS, LABELS, np.zeros_like(LABELS))
    assert result["worst_group_accuracy"] == result["worst_class_accuracy"]
    assert result["groups"] == result["classes"]
    assert result["attributes"] == {}


def test_train_weighted_accuracy():
    result = group_metrics([0, 0, 1, 1], [0, 0, 1, 0], [0, 1, 0, 1], train_group_rows=[6, 2, 2, 90])
    assert result["train_weighted_accuracy"] == pytest.approx((6 * 1 + 2 * 0.5 + 2 * 1) / 10)


def test_intervals_agree_with_resampling_rows():
    right = {"a": [True] * 40 + [False] * 10, "b": [True] * 9 + [False] * 11}
    fast = bootstrap_intervals(np.array([40, 9]), np.array([50, 20]), confidence=0.9)
    slow = oracles.naive_bootstrap(right, 0.9, draws=4000, seed=0)
    for name in ("average", "worst"):
        assert fast[name] == pytest.approx(slow[name], abs=0.021)
    assert fast == bootstrap_intervals(np.array([40, 9]), np.array([50, 20]), confidence=0.9)


def test_interval_covers_the_truth_about_as_often_as_it_says():
    truth, rows = np.array([0.8, 0.6]), np.array([100, 80])
    draws = np.random.default_rng(1).binomial(rows, truth, size=(300, 2))
    covered = 0
    for correct in draws:
        low, high = bootstrap_intervals(correct, rows, draws=500)["worst"]
        covered += low <= 0.6 <= high
    assert covered / 300 > 0.9


def test_evaluate_metric_loads_offline_and_agrees():
    metric = evaluate.load(GROUP_ROBUSTNESS)
    for start in range(0, 400, 100):
        part = slice(start, start + 100)
        metric.add_batch(predictions=PREDICTIONS[part], references=LABELS[part], attributes=ATTRIBUTES[part])
    assert metric.compute(confidence=0.9) == group_metrics(PREDICTIONS, LABELS, ATTRIBUTES, confidence=0.9)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0, 1], [0, 1, 1], [0, 0, 0]), r"predictions has shape \(2,\)"),
        (([0, 1], [0, 1], [0]), "attributes has shape"),
        (([], [], []), "no rows"),
        (([0.5, 1.0], [0, 1], [0, 0]), "predictions has dtype float64"),
        (([0, 1], [0, -100], [0, 0]), "labels has dtype"),
        (([[2.0, -1.0]], [0], [0]), "softmax"),
        (([[float("nan"), 1.0]], [0], [0]), "NaN"),
        (([[0.5, 0.5]], [2], [0]), "labels hold 2"),
    ],
)
def test_bad_input(arguments, message):
    with pytest.raises(ValueError, match=message):
        group_metrics(*arguments)


def test_bad_names_and_confidence():
    with pytest.raises(ValueError, match="label_names has 1 names"):
        group_metrics([0, 1], [0, 1], [0, 0], label_names=["a"])
    with pytest.raises(ValueError, match="confidence=1"):
        group_metrics([0, 1], [0, 1], [0, 0], confidence=1)
    with pytest.raises(ValueError, match="train_group_rows has 1"):
        group_metrics([0, 1], [0, 1], [0, 0], train_group_rows=[1])
