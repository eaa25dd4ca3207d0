"""The table per group that each evaluation prints and each report holds."""

from typing import Any


def interval_text(interval: list[float]) -> str:
    """An interval in percent: "[91.2, 95.0]"."""
    return f"[{100 * interval[0]:.1f}, {100 * interval[1]:.1f}]"


def table_rows(metrics: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    """Name, rows, accuracy in percent and interval of the average, the worst group, the worst class and each group.

    Args:
        metrics: From `group_metrics`.
    """
    groups, classes = metrics["groups"], metrics["classes"]
    worst_class = min(classes, key=lambda name: classes[name]["accuracy"])
    total = sum(entry["rows"] for entry in groups.values())

    def percent(value: float) -> str:
        return f"{100 * value:.1f}"

    rows = [("average", str(total), percent(metrics["average_accuracy"]), interval_text(metrics["average_accuracy_interval"]))]
    if metrics["attributes"]:
        worst = metrics["worst_group"]
        interval = interval_text(metrics["worst_group_accuracy_interval"])
        rows.append((f"worst group: {worst}", str(groups[worst]["rows"]), percent(metrics["worst_group_accuracy"]), interval))
    rows.append((f"worst class: {worst_class}", str(classes[worst_class]["rows"]), percent(metrics["worst_class_accuracy"]), ""))
    for name, entry in groups.items():
        flag = " (few)" if name in metrics["small_groups"] else ""
        rows.append((f"  {name}", f"{entry['rows']}{flag}", percent(entry["accuracy"]), ""))
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
