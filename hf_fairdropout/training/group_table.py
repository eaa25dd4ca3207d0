"""The table per group that each evaluation prints and each report holds."""

from collections.abc import Sequence
from typing import Any

from ..metrics import SMALL_GROUP, wilson_interval


def interval_text(interval: Sequence[float]) -> str:
    """An interval in percent: "[91.2, 95.0]"."""
    return f"[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def table_rows(metrics: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, rows, accuracy in percent and interval of the average, the worst group, the worst class and each group (named label/attribute).

    Intervals of the average and the worst group are from the bootstrap, those of a single class or group are Wilson's.

    Args:
        metrics: From `group_metrics`.
    """
    groups, classes = metrics["groups"], metrics["classes"]
    worst_class = min(classes, key=lambda name: classes[name]["accuracy"])
    total = sum(entry["rows"] for entry in groups.values())

    def percent(value: float) -> str:
        return f"{100 * value:.1f}"

    def entry_row(name: str, entry: dict[str, Any]) -> tuple[str, str, str, str]:
        few = " (few)" if entry["rows"] < SMALL_GROUP else ""
        return name, f"{entry['rows']}{few}", percent(entry["accuracy"]), interval_text(wilson_interval(entry["accuracy"], entry["rows"]))

    rows = [("average", str(total), percent(metrics["average_accuracy"]), interval_text(metrics["average_accuracy_interval"]))]
    if metrics["attributes"]:
        worst = metrics["worst_group"]
        interval = interval_text(metrics["worst_group_accuracy_interval"])
        rows.append((*entry_row(f"worst group: {worst}", groups[worst])[:3], interval))
    rows.append(entry_row(f"worst class: {worst_class}", classes[worst_class]))
    rows += [entry_row(f"  {name}", entry) for name, entry in groups.items()]
    rows += [(f"  {name}", "0", "absent", "") for name in metrics["absent_groups"]]
    return rows


def plain_table(title: str, metrics: dict[str, Any]) -> str:
    """The table as text, for a terminal."""
    return _aligned([(title, "rows", "accuracy %", "95 % interval"), *table_rows(metrics)])


def markdown_table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A Markdown table; every column but the first is aligned to the right."""
    rule = ["---"] + ["---:"] * (len(header) - 1)
    return "\n".join("| " + " | ".join(cell.strip() for cell in cells) + " |" for cells in (header, rule, *rows))


def _aligned(cells: list[tuple[str, ...]]) -> str:
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))]
    lines = [row[0].ljust(widths[0]) + "".join(f"  {cell.rjust(width)}" for cell, width in zip(row[1:], widths[1:], strict=True)) for row in cells]
    return "\n".join(line.rstrip() for line in lines)
