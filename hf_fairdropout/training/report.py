"""report.md of a run: who saw what, the group table of the test split, the curves."""

import json
from pathlib import Path
from typing import Any

from .figures import plot_curves, plot_group_bars
from .group_table import markdown_table, table_rows
from .run_folder import RUN_FILE, read_evaluations


def write_report(folder: str | Path, test_split: str = "test") -> Path:
    """Write report.md and its figures from what the run left in its folder.

    Args:
        folder: The run folder.
        test_split: Prefix of the final evaluation.

    Returns:
        Path of the report.

    Raises:
        FileNotFoundError: If the folder holds no run.
        ValueError: If the run has no evaluation of the test split.
    """
    folder = Path(folder)
    evaluations = read_evaluations(folder)
    record = json.loads((folder / RUN_FILE).read_text(encoding="utf-8"))
    finals = [e for e in evaluations if e["split"] == test_split and e["inference"] == "drop"]
    if not finals:
        raise ValueError(
            f"{str(folder)!r} has no evaluation of the split {test_split!r}; run trainer.evaluate(…, metric_key_prefix={test_split!r}) first"
        )
    metrics = finals[-1]
    figures = folder / "figures"
    figures.mkdir(exist_ok=True)
    plot_group_bars(metrics, figures / "test_groups.png", "test accuracy by group, 95 % Wilson intervals")
    has_curves = sum(e["split"] == "eval" for e in evaluations) > 0
    if has_curves:
        plot_curves(evaluations, figures / "validation_curves.png", best_step=record.get("selected", {}).get("step"))
    path = folder / "report.md"
    path.write_text(_text(record, metrics, evaluations, test_split, has_curves), encoding="utf-8")
    return path


def _text(record: dict[str, Any], metrics: dict[str, Any], evaluations: list[dict[str, Any]], test_split: str, has_curves: bool) -> str:
    scores = ("adjusted_accuracy", "balanced_accuracy", "worst_precision", "worst_f1", "auroc", "auprc", "brier", "log_loss", "ece")
    kept = [e for e in evaluations if e["split"] == test_split and e["inference"] == "keep"]
    parts = [
        f"# {record.get('title', 'A run')}",
        f"    {record['command']}",
        "\n".join(f"- {name}: {value}" for name, value in record.get("summary", {}).items()),
        "## Test split, inference mode",
        markdown_table(("group (label/attribute)", "rows", "accuracy %", "95 % interval"), table_rows(metrics)),
        "The intervals of the average and the worst group are from a bootstrap over test rows within groups, those of single classes and groups are "
        "Wilson's (at 0 and 100 % a bootstrap has no width). None tells how much another seed would change the result.",
        "![accuracy by group](figures/test_groups.png)",
        markdown_table(("metric", "value"), [(name, f"{metrics[name]:.4f}") for name in scores if name in metrics]),
    ]
    parts += record.get("data_warnings", [])
    if metrics["small_groups"]:
        parts.append(f"Fewer than 30 rows, so read with care: {', '.join(metrics['small_groups'])}.")
    if metrics["absent_groups"]:
        parts.append(f"Without a row, so in none of the figures: {', '.join(metrics['absent_groups'])}.")
    if kept:
        worst, average = 100 * kept[-1]["worst_group_accuracy"], 100 * kept[-1]["average_accuracy"]
        parts.append(f"With the memorizing neurons kept, each times its keep rate: average {average:.1f} %, worst group {worst:.1f} %.")
    if has_curves:
        parts += ["## Validation, over training", "![curves](figures/validation_curves.png)"]
    parts += [
        "## Who saw which labels",
        markdown_table(("step", "labels"), [(step, ", ".join(names)) for step, names in record["labels_seen"].items()]),
    ]
    data = [(f"{split}: {name}", str(rows)) for split, entry in record["data"].items() for name, rows in entry["groups"].items()]
    parts += ["## Data", markdown_table(("split: group", "rows"), data)]
    parts += ["## Versions", ", ".join(f"{name} {version}" for name, version in record["versions"].items())]
    return "\n\n".join(part for part in parts if part) + "\n"
