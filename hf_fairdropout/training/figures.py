"""The pictures of a run: curves per group, in drop and keep mode, and group accuracies with intervals."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from seaborn import color_palette

from ..metrics import wilson_interval

_PALETTE = "colorblind"


def plot_curves(evaluations: list[dict[str, Any]], path: str | Path, split: str = "eval", best_step: int | None = None) -> None:
    """Accuracy of each group, the average and the worst group over epochs; one panel with memorizing neurons dropped, one with them kept.

    Args:
        evaluations: From `read_evaluations`.
        path: PNG to write.
        split: Which split's evaluations.
        best_step: Step of the selected checkpoint, to be marked.
    """
    modes = [mode for mode in ("drop", "keep") if any(e["inference"] == mode and e["split"] == split for e in evaluations)]
    titles = {"drop": "memorizing neurons dropped (inference)", "keep": "memorizing neurons kept"} if len(modes) > 1 else {"drop": "over training"}
    figure = Figure(figsize=(6.2 * len(modes), 4.4), layout="constrained")
    axes = figure.subplots(1, len(modes), sharey=True, squeeze=False)[0]
    for axis, mode in zip(axes, modes, strict=True):
        chosen = [e for e in evaluations if e["inference"] == mode and e["split"] == split and e["epoch"] is not None]
        epochs = [e["epoch"] for e in chosen]
        names = list(dict.fromkeys(name for e in chosen for name in e["groups"]))
        for number, (name, color) in enumerate(zip(names, color_palette(_PALETTE, max(len(names), 1)), strict=True)):
            values = [100 * e["groups"][name]["accuracy"] if name in e["groups"] else float("nan") for e in chosen]
            rows = chosen[-1]["groups"].get(name, {"rows": 0})["rows"]
            style = {"marker": "os^vDPX*"[number % 8], "markersize": 9 - 1.2 * min(number, 4), "linewidth": 3 - 0.5 * min(number, 4), "alpha": 0.8}
            axis.plot(epochs, values, color=color, label=f"{name} ({rows} rows)", **style)
        axis.plot(epochs, [100 * e["average_accuracy"] for e in chosen], color="black", linewidth=1.5, label="average")
        axis.plot(epochs, [100 * e["worst_group_accuracy"] for e in chosen], color="black", linewidth=1.5, linestyle=":", label="worst group")
        for selected in [e["epoch"] for e in chosen if e["step"] == best_step]:
            axis.axvline(selected, color="grey", linewidth=1, linestyle="--", label="selected checkpoint")
        axis.set(title=titles[mode], xlabel="epoch", ylim=(-2, 102))
        axis.xaxis.set_major_locator(MaxNLocator(integer=True))
        axis.grid(alpha=0.3)
    axes[0].set_ylabel("validation accuracy (%)" if split == "eval" else f"{split} accuracy (%)")
    figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, frameon=False)
    figure.savefig(path, dpi=120)


def plot_group_bars(metrics: dict[str, Any], path: str | Path, title: str) -> None:
    """Accuracy of each group with its 95 % Wilson interval, and the average as a line.

    Args:
        metrics: From `group_metrics`.
        path: PNG to write.
        title: Above the plot.
    """
    groups = metrics["groups"]
    accuracies = [100 * entry["accuracy"] for entry in groups.values()]
    intervals = [wilson_interval(entry["accuracy"], entry["rows"]) for entry in groups.values()]
    errors = [
        [max(0.0, a - 100 * low) for a, (low, _) in zip(accuracies, intervals, strict=True)],
        [max(0.0, 100 * high - a) for a, (_, high) in zip(accuracies, intervals, strict=True)],
    ]
    figure = Figure(figsize=(max(5.0, 1.3 * len(groups) + 1.5), 4.2), layout="constrained")
    axis = figure.subplots()
    axis.bar(range(len(groups)), accuracies, yerr=errors, capsize=4, color=color_palette(_PALETTE, len(groups)), width=0.65)
    axis.axhline(
        100 * metrics["average_accuracy"], color="black", linewidth=1.5, linestyle="--", label=f"average {100 * metrics['average_accuracy']:.1f} %"
    )
    axis.set_xticks(range(len(groups)), [f"{name}\n{entry['rows']} rows" for name, entry in groups.items()])
    axis.set(title=title, ylabel="accuracy (%)", ylim=(0, 104))
    figure.legend(loc="outside lower center", frameon=False)
    figure.savefig(path, dpi=120)


def plot_seeds(results: dict[str, list[float]], path: str | Path, label: str) -> None:
    """One dot a seed and a line at the mean, for each of some models.

    Args:
        results: Values in percent of each model, one a seed.
        path: PNG to write.
        label: What the values are.
    """
    figure = Figure(figsize=(6.4, 0.7 * len(results) + 1.4), layout="constrained")
    axis = figure.subplots()
    for row, (values, color) in enumerate(zip(results.values(), color_palette(_PALETTE, len(results)), strict=True)):
        axis.plot(values, [row] * len(values), "o", color=color, markersize=8, alpha=0.75)
        axis.plot([sum(values) / len(values)] * 2, [row - 0.3, row + 0.3], color=color, linewidth=2.5)
    axis.set_yticks(range(len(results)), list(results))
    axis.set(xlabel=label, ylim=(len(results) - 0.5, -0.5))
    axis.grid(axis="x", alpha=0.3)
    figure.savefig(path, dpi=120)
