"""The record of a run: what was run, on which rows, with which versions, and who saw which labels."""

import hashlib
import importlib.metadata
import json
import shlex
import sys
from pathlib import Path
from typing import Any

import numpy as np
from datasets import DatasetDict

from ..data.schema import GROUP, LABEL, ROW_INDEX

RUN_FILE = "run.json"
METRICS_FILE = "metrics.jsonl"
_PACKAGES = ("hf_fairdropout", "torch", "transformers", "datasets", "accelerate", "timm", "scikit-learn", "numpy")


def holds_run(folder: str | Path) -> bool:
    """Whether a folder has the evaluations or a checkpoint of a run."""
    return (Path(folder) / METRICS_FILE).exists() or any(Path(folder).glob("checkpoint-*"))


def refuse_other_run(folder: str | Path) -> None:
    """Raise a ValueError if the folder holds a run, which a new one would overwrite."""
    if holds_run(folder):
        raise ValueError(f"output_dir={str(folder)!r} holds another run; give a new folder, or resume_from_checkpoint=True to go on with that one")


# Arguments that may change when a run is resumed: they do not change what is trained, or only how long.
_MAY_CHANGE = frozenset(
    [
        "output_dir",
        "data_dir",
        "resume_from_checkpoint",
        "num_train_epochs",
        "max_steps",
        "save_total_limit",
        "per_device_eval_batch_size",
        "report_to",
        "disable_tqdm",
        "run_name",
        "group_tables",
        "keep_curve",
        "use_cpu",
        "lazy",
    ]
)
_MAY_CHANGE_PREFIXES = ("logging_", "log_", "dataloader_", "hub_", "push_to_hub", "eval_", "save_")


def refuse_changed_resumption(folder: str | Path, arguments: dict[str, Any], data: dict[str, Any]) -> None:
    """Refuse to resume a run as another experiment.

    Args:
        folder: The run folder; one without `run.json` is not checked.
        arguments: All arguments, as `write_run_record` is given them.
        data: From `describe_data`.

    Raises:
        ValueError: If the model, the data or the training differ; the message lists how.
    """
    path = Path(folder) / RUN_FILE
    if not path.exists():
        return
    before = json.loads(path.read_text(encoding="utf-8"))
    now = json.loads(json.dumps({"arguments": arguments, "data": data}, default=str))
    changed = [
        f"{name}: {before['arguments'].get(name)!r} before, {value!r} now"
        for name, value in now["arguments"].items()
        if name not in _MAY_CHANGE and not name.startswith(_MAY_CHANGE_PREFIXES) and before["arguments"].get(name) != value
    ]
    changed += [f"the rows of {split} are others" for split, entry in now["data"].items() if before["data"].get(split) != entry]
    if changed:
        raise ValueError(f"output_dir={str(folder)!r} holds another experiment and cannot be resumed as this one:\n  " + "\n  ".join(changed))


def write_run_record(folder: str | Path, **entries: Any) -> dict[str, Any]:
    """Write `run.json`: the command, the versions, and what else there is to say.

    Args:
        folder: The run folder; made if it is not there.
        **entries: JSON values, such as the configuration and the data.

    Returns:
        What was written.
    """
    record = {"command": shlex.join([Path(sys.argv[0]).name, *sys.argv[1:]]), "versions": package_versions(), **entries}
    path = Path(folder)
    path.mkdir(parents=True, exist_ok=True)
    (path / RUN_FILE).write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")
    return record


def record_selection(folder: str | Path, rule: str, step: int | None, value: float | None) -> None:
    """Add to `run.json` which checkpoint was selected, and so tested; nothing where none was.

    Args:
        folder: The run folder.
        rule: The selection metric.
        step: Optimizer step of the checkpoint.
        value: Its metric.
    """
    if step is None:
        return
    path = Path(folder) / RUN_FILE
    record = json.loads(path.read_text(encoding="utf-8"))
    epoch = next((e["epoch"] for e in read_evaluations(folder) if e["step"] == step), None)
    record["selected"] = {"step": step, "epoch": epoch, rule: value}
    record["summary"]["selection"] = f"best validation {rule}: {value:.4f}, at step {step} (epoch {epoch:g}); this checkpoint is tested and saved"
    path.write_text(json.dumps(record, indent=2, default=str) + "\n", encoding="utf-8")


def package_versions() -> dict[str, str]:
    """Version of Python and of each installed package that a result depends on."""
    versions = {"python": sys.version.split()[0]}
    for name in _PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions


def describe_data(benchmark: DatasetDict) -> dict[str, dict[str, Any]]:
    """Rows, rows of each group and a fingerprint (SHA-256 of row numbers, labels and groups) of each split.

    Args:
        benchmark: Splits with row_index, label and group.
    """
    described = {}
    for name, split in benchmark.items():
        columns = split.with_format("numpy", columns=[ROW_INDEX, LABEL, GROUP])[:]
        digest = hashlib.sha256()
        for column in (ROW_INDEX, LABEL, GROUP):
            digest.update(np.ascontiguousarray(columns[column], dtype="<i8").tobytes())
        names = split.features[GROUP].names
        counts = np.bincount(columns[GROUP], minlength=len(names))
        described[name] = {"rows": len(split), "groups": dict(zip(names, counts.tolist(), strict=True)), "fingerprint": digest.hexdigest()}
    return described


def labels_seen(attributes: str, has_attributes: bool) -> dict[str, list[str]]:
    """Which labels training, selection and evaluation saw.

    Args:
        attributes: What training and selection may know: "none" or "known".
        has_attributes: Whether the data have attributes at all.
    """
    known = ["label", "attribute"] if has_attributes else ["label"]
    return {"training": ["label"], "selection": known if attributes == "known" else ["label"], "evaluation": known}


def read_evaluations(folder: str | Path) -> list[dict[str, Any]]:
    """The evaluations of a run, oldest first.

    Raises:
        FileNotFoundError: If the folder holds no run.
    """
    path = Path(folder) / METRICS_FILE
    if not path.exists():
        raise FileNotFoundError(f"{str(folder)!r} holds no {METRICS_FILE}, so no run of FairDropoutTrainer; give the output_dir of one")
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
