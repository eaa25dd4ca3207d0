#!/usr/bin/env python
"""ERM, FairDropout and the rate-matched control on handwritten digits, three seeds each: about five minutes on two cores.

    python scripts/demo.py [--output_dir runs/demo]

First a small random search picks FairDropout's position, p_gen and p_mem by worst-class validation accuracy, which needs no attributes. Then each
model is trained with three seeds, and one table shows the test accuracy per group, whoever wins. Stopped and started again, it goes on where it was.
"""

import argparse
import json
import shutil
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from run_fairdropout import parse, run
from tqdm import tqdm
from transformers.utils import logging

from hf_fairdropout.training.figures import plot_seeds
from hf_fairdropout.training.group_table import markdown_table
from hf_fairdropout.training.run_folder import read_evaluations, refuse_other_run, write_run_record

SEARCHED = 8
SEEDS = (0, 1, 2)
SPACE = {"positions": ("dp3", "dp4", "dp5"), "p_gen": (0.2, 0.35, 0.5, 0.65, 0.8), "p_mem": (0.05, 0.1, 0.2, 0.4)}


def main() -> None:
    """Search, train, show."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--output_dir", type=Path, default=Path("runs/demo"))
    parser.add_argument("--num_train_epochs", type=int, default=15)
    arguments = parser.parse_args()
    logging.disable_progress_bar()
    datasets.disable_progress_bars()
    folder = arguments.output_dir
    _check_settings(folder, {"num_train_epochs": arguments.num_train_epochs, "searched": SEARCHED, "seeds": SEEDS, "space": SPACE})

    with tqdm(total=SEARCHED + 3 * len(SEEDS), unit="run", desc="demo") as progress:

        def train(place: str, seed: int, **options: Any) -> list[dict[str, Any]]:
            evaluations = _finished_run(folder / place, seed, arguments.num_train_epochs, options)
            tested = _final(evaluations)
            worst = f"{100 * tested['worst_group_accuracy']:5.1f}"
            best = f"{100 * _selection_value(evaluations):5.1f}"
            tqdm.write(f"{place:26s} validation worst class {best}   test average {100 * tested['average_accuracy']:5.1f}   worst group {worst}")
            progress.update()
            return evaluations

        trials = [(options, train(f"search/{number}", 0, **options)) for number, options in enumerate(_draw_search())]
        chosen = max(trials, key=lambda trial: _selection_value(trial[1]))[0]
        tqdm.write(f"chosen by worst-class validation accuracy: {chosen}")
        models = {
            "ERM": {"positions": "none"},
            "FairDropout": chosen,
            "rate-matched dropout": {**chosen, "dropout_control": "rate_matched"},
        }
        results = {}
        for name, options in models.items():
            place = name.lower().replace(" ", "-")
            results[name] = [_final(train(f"{place}/seed{seed}", seed, **options)) for seed in SEEDS]
    _show(folder, chosen, results)


def _check_settings(folder: Path, settings: dict[str, Any]) -> None:
    """Go on with an earlier demo of the same settings only."""
    path = folder / "run.json"
    settings = json.loads(json.dumps(settings))
    if path.exists() and json.loads(path.read_text(encoding="utf-8"))["settings"] != settings:
        raise SystemExit(f"error: {folder} holds a demo with other settings; give another --output_dir or remove it")
    refuse_other_run(folder)
    write_run_record(folder, settings=settings)


def _draw_search() -> list[dict[str, Any]]:
    generator = np.random.default_rng(0)
    shape = [len(values) for values in SPACE.values()]
    cells = generator.choice(int(np.prod(shape)), size=SEARCHED, replace=False)
    return [{name: values[at] for (name, values), at in zip(SPACE.items(), np.unravel_index(cell, shape), strict=True)} for cell in cells]


def _finished_run(folder: Path, seed: int, epochs: int, options: dict[str, Any]) -> list[dict[str, Any]]:
    """The evaluations of the run in the folder, which is run first unless it finished earlier."""
    if not (folder / "report.md").exists():
        shutil.rmtree(folder, ignore_errors=True)
        flags = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        common = ["--benchmark", "digits", "--output_dir", str(folder), "--seed", str(seed), "--num_train_epochs", str(epochs)]
        quiet = ["--disable_tqdm", "true", "--no_group_tables", "--logging_strategy", "no", "--save_only_model", "true"]
        run(*parse([*common, *quiet, *flags]), quiet=True)
    return read_evaluations(folder)


def _selection_value(evaluations: list[dict[str, Any]]) -> float:
    return max(e["worst_class_accuracy"] for e in evaluations if e["split"] == "eval" and e["inference"] == "drop")


def _final(evaluations: list[dict[str, Any]]) -> dict[str, Any]:
    return [e for e in evaluations if e["split"] == "test" and e["inference"] == "drop"][-1]


def _show(folder: Path, chosen: dict[str, Any], results: dict[str, list[dict[str, Any]]]) -> None:
    """Print and write the table, and draw its figure."""
    groups = list(next(iter(results.values()))[0]["groups"])

    def cell(values: list[float]) -> str:
        return f"{100 * np.mean(values):.1f} ± {100 * np.std(values, ddof=1) / np.sqrt(len(values)):.1f}"

    rows = []
    for name, tests in results.items():
        worst = [t["worst_group_accuracy"] for t in tests]
        low, high = np.mean([t["worst_group_accuracy_interval"] for t in tests], axis=0)
        per_group = [cell([t["groups"][group]["accuracy"] for t in tests]) for group in groups]
        rows.append((name, cell([t["average_accuracy"] for t in tests]), cell(worst), f"[{100 * low:.1f}, {100 * high:.1f}]", *per_group))
    table = markdown_table(("test accuracy, %", "average", "worst group", "its 95 % interval", *groups), rows)
    note = (
        f"Mean over {len(SEEDS)} seeds ± standard error (std / √n). The interval is a bootstrap over test rows, averaged over the seeds.\n"
        f"FairDropout: {chosen}, chosen among {SEARCHED} by worst-class validation accuracy. The control drops the same number of the same neurons,\n"
        "drawn afresh at each step: what it gains too is not due to tying neurons to examples."
    )
    worst_by_model = {name: [100 * t["worst_group_accuracy"] for t in tests] for name, tests in results.items()}
    plot_seeds(worst_by_model, folder / "worst_group.png", "worst-group test accuracy (%), one dot a seed, line at the mean")
    text = f"{table}\n\n{note}\n"
    (folder / "report.md").write_text(f"# Demo\n\n{text}\n![worst group by seed](worst_group.png)\n", encoding="utf-8")
    print(f"\n{text}\nreport, figures and models: {folder}")


if __name__ == "__main__":
    main()
