"""A `Trainer` that hands row indices to FairDropout and groups to the metrics."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import datasets
import numpy as np
from scipy.special import softmax
from torch import nn
from tqdm.auto import tqdm
from transformers import EvalPrediction, Trainer

from ..data.row_index import check_row_index_column
from ..data.schema import ATTRIBUTE, GROUP, LABEL, ROW_INDEX, GroupNames
from ..methods import METHODS
from ..metrics import group_metrics
from ..placement import fair_dropout_layers
from .arguments import FairDropoutTrainingArguments
from .batch_norm import freeze_batch_norm, reestimate_batch_norm
from .callbacks import REPLACED_CALLBACKS
from .group_table import plain_table
from .run_folder import METRICS_FILE, holds_run, refuse_other_run
from .selection import check_rule_name


class FairDropoutTrainer(Trainer):
    """Trains wrappers and plain classifiers alike, and reports per group.

    The only differences from `Trainer`: `row_index` reaches the model, groups reach the metrics (never the model), `args.method` computes the loss,
    every evaluation is also made with the memorizing neurons kept, and each is appended to `metrics.jsonl` in the output folder.

    Args:
        model: A FairDropout wrapper, or any plain classifier.
        args: The arguments; a method that is set there is used.
        **kwargs: As `Trainer` takes them. `compute_metrics` may add metrics to ours.

    Raises:
        ValueError: If the training split lacks valid row numbers that the model needs, the labels do not fit the model, or the selection rule is no
            metric.
    """

    args: FairDropoutTrainingArguments

    def __init__(self, model: nn.Module | None = None, args: FairDropoutTrainingArguments | None = None, **kwargs: Any):
        args = args or FairDropoutTrainingArguments()
        self.user_metrics = kwargs.pop("compute_metrics", None)
        if kwargs.get("eval_dataset") is None and args.load_best_model_at_end:
            raise ValueError("eval_dataset is missing, but args evaluate to find the best checkpoint; give one, or set eval_strategy='no'")
        super().__init__(model, args, compute_metrics=self._group_metrics, **kwargs)
        # Stock classifiers take **kwargs, which Trainer reads as a promise to normalise the loss by num_items_in_batch. They do not.
        self.model_accepts_loss_kwargs = False
        for default, ours in REPLACED_CALLBACKS.items():
            if self.pop_callback(default) is not None:
                self.add_callback(ours)
        self.loss_of_method = METHODS[args.method]
        self.is_new_run = not holds_run(args.output_dir)
        if self.user_metrics is None:
            check_rule_name(args.metric_for_best_model)
        for dataset in (self.train_dataset, self.eval_dataset):
            self._check_labels(dataset)
        self.group_names = GroupNames(())
        self.last_group_metrics: dict[str, Any] = {}
        layers = fair_dropout_layers(self.model)
        self.hidden_columns = {ATTRIBUTE, GROUP} if layers else {ATTRIBUTE, GROUP, ROW_INDEX}
        if isinstance(self.train_dataset, datasets.Dataset) and any(layer.needs_row_index for layer in layers):
            check_row_index_column(self.train_dataset)

    def train(self, resume_from_checkpoint: str | bool | None = None, **kwargs: Any):
        """As `Trainer.train`; see there.

        Raises:
            ValueError: If the output folder holds another run and this is not its resumption.
        """
        if resume_from_checkpoint:
            checkpoints = list(Path(self.args.output_dir).glob("checkpoint-*")) if resume_from_checkpoint is True else [Path(resume_from_checkpoint)]
            if not checkpoints or not checkpoints[0].is_dir():
                raise ValueError(
                    f"resume_from_checkpoint={resume_from_checkpoint!r}: there is no checkpoint; give the path of a folder checkpoint-STEP"
                )
            self._forget_after(checkpoints)
        elif not self.is_new_run:
            refuse_other_run(self.args.output_dir)
        output = super().train(resume_from_checkpoint=resume_from_checkpoint, **kwargs)
        if self.args.reestimate_batch_norm:
            batches = (self._model_inputs(self._prepare_inputs(batch)) for batch in self.get_train_dataloader())
            if reestimate_batch_norm(self.model, batches) == 0:
                tqdm.write("reestimate_batch_norm=True changed nothing: the model has no BatchNorm")
        return output

    def compute_loss(self, model, inputs, return_outputs=False, num_items_in_batch=None):
        """The loss of the method; groups are kept from the model."""
        if self.label_smoother is not None or self.compute_loss_func is not None:
            return super().compute_loss(model, self._model_inputs(inputs), return_outputs, num_items_in_batch)
        if model.training and self.args.freeze_batch_norm:
            freeze_batch_norm(model)
        outputs = model(**self._model_inputs(inputs))
        loss = self.loss_of_method(outputs, inputs)
        return (loss, outputs) if return_outputs else loss

    def evaluate(self, eval_dataset=None, ignore_keys=None, metric_key_prefix: str = "eval") -> dict[str, float]:
        """As `Trainer.evaluate`, and once more with the memorizing neurons kept (`{prefix}_keep_…`)."""
        dataset = self.eval_dataset if eval_dataset is None else eval_dataset
        if isinstance(dataset, dict):
            return super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        named = self.eval_dataset[dataset] if isinstance(dataset, str) else dataset
        kept = {}
        if self.args.keep_curve and any(layer.inference == "drop" and layer.keep_rate > 0 for layer in fair_dropout_layers(self.model)):
            kept = self._evaluate_kept(eval_dataset, named, ignore_keys, metric_key_prefix)
        self._begin(named)
        metrics = super().evaluate(eval_dataset, ignore_keys, metric_key_prefix)
        self._record(metric_key_prefix, "drop")
        return {**metrics, **kept}

    def predict(self, test_dataset, ignore_keys=None, metric_key_prefix: str = "test"):
        """As `Trainer.predict`; the metrics are by group."""
        self._begin(test_dataset)
        output = super().predict(test_dataset, ignore_keys, metric_key_prefix)
        self._record(metric_key_prefix, "drop")
        return output

    def prediction_step(self, model, inputs, prediction_loss_only, ignore_keys=None):
        """As `Trainer.prediction_step`; the group is a label of the metrics where the batch has it."""
        self.label_names = ["labels", GROUP] if GROUP in inputs else ["labels"]
        return super().prediction_step(model, inputs, prediction_loss_only, ignore_keys)

    def _evaluate_kept(self, eval_dataset, named, ignore_keys, prefix: str) -> dict[str, float]:
        self._begin(named)
        with keeping_memorizing_neurons(self.model):
            loader = self.get_eval_dataloader(eval_dataset)
            output = self.evaluation_loop(loader, "Keep", ignore_keys=ignore_keys, metric_key_prefix=f"{prefix}_keep")
        self.control = self.callback_handler.on_predict(self.args, self.state, self.control, output.metrics)  # ends its progress bar
        self.log(output.metrics)
        self._record(prefix, "keep")
        return output.metrics

    def _group_metrics(self, prediction: EvalPrediction) -> dict[str, float]:
        logits = prediction.predictions[0] if isinstance(prediction.predictions, tuple) else prediction.predictions
        has_group = isinstance(prediction.label_ids, tuple)
        labels = prediction.label_ids[0] if has_group else prediction.label_ids
        names = self.group_names if has_group else GroupNames(self.group_names.labels)
        attributes = names.attribute_of(prediction.label_ids[1]) if has_group else np.zeros_like(labels)
        self.last_group_metrics = group_metrics(
            softmax(logits.astype(np.float64), axis=-1), labels, attributes, label_names=names.labels, attribute_names=names.attributes
        )
        extra = self.user_metrics(prediction) if self.user_metrics else {}
        return {**scalar_metrics(self.last_group_metrics), **extra}

    def _record(self, prefix: str, mode: str) -> None:
        """Append the evaluation to metrics.jsonl, and print its table."""
        if not self.last_group_metrics or not self.is_world_process_zero():
            return
        record = {"step": self.state.global_step, "epoch": self.state.epoch, "split": prefix, "inference": mode, **self.last_group_metrics}
        with open(Path(self.args.output_dir) / METRICS_FILE, "a", encoding="utf-8") as file:
            file.write(json.dumps(record) + "\n")
        if self.args.group_tables and mode == "drop":
            epoch = f", epoch {self.state.epoch:g}" if prefix == "eval" and self.is_in_train else ""
            tqdm.write("\n" + plain_table(f"{prefix}{epoch}", self.last_group_metrics))

    def _forget_after(self, checkpoints: list[Path]) -> None:
        """On resumption, drop the records of what came after the latest of the checkpoints: it will be evaluated again."""
        path = Path(self.args.output_dir) / METRICS_FILE
        if not path.exists() or not self.is_world_process_zero():
            return
        last = max(json.loads((folder / "trainer_state.json").read_text(encoding="utf-8"))["global_step"] for folder in checkpoints)
        kept = [line for line in path.read_text(encoding="utf-8").splitlines() if json.loads(line)["step"] <= last]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def _begin(self, dataset: Any) -> None:
        """Start an evaluation: read the names of the groups, and forget the last result."""
        num_labels = getattr(getattr(self.model, "config", None), "num_labels", 0)
        self.group_names = GroupNames.of(getattr(dataset, "features", None), num_labels)
        self.last_group_metrics = {}

    def _check_labels(self, dataset: Any) -> None:
        """Refuse data with more classes than the model has outputs."""
        outputs = getattr(getattr(self.model, "config", None), "num_labels", None)
        label = (getattr(dataset, "features", None) or {}).get(LABEL)
        if outputs is not None and isinstance(label, datasets.ClassLabel) and label.num_classes > outputs:
            raise ValueError(
                f"the data have {label.num_classes} classes, {label.names[:5]}, but the model has num_labels={outputs}; "
                f"make the model with num_labels={label.num_classes}"
            )

    def _model_inputs(self, inputs: dict[str, Any]) -> dict[str, Any]:
        """The batch without what the model is not to see."""
        return {name: value for name, value in inputs.items() if name not in self.hidden_columns}

    def _set_signature_columns_if_needed(self) -> None:
        super()._set_signature_columns_if_needed()
        self._signature_columns += [name for name in (ROW_INDEX, LABEL, GROUP) if name not in self._signature_columns]

    def _remove_unused_columns(self, dataset, description=None):
        """As in `Trainer`, but a data set that is transformed when it is read keeps the columns that the transform reads."""
        if dataset.format["type"] == "custom":
            return dataset
        return super()._remove_unused_columns(dataset, description)


@contextmanager
def keeping_memorizing_neurons(model: nn.Module) -> Iterator[None]:
    """Within it, inference keeps the memorizing neurons of the model, each times its keep rate."""
    layers = fair_dropout_layers(model)
    before = [layer.inference for layer in layers]
    for layer in layers:
        layer.inference = "keep"
    try:
        yield
    finally:
        for layer, inference in zip(layers, before, strict=True):
            layer.inference = inference


def scalar_metrics(metrics: dict[str, Any]) -> dict[str, float]:
    """The numbers among group metrics, and `group_accuracy/NAME` of each group: what loggers understand."""
    numbers = {name: value for name, value in metrics.items() if isinstance(value, float)}
    return {**numbers, **{f"group_accuracy/{name}": entry["accuracy"] for name, entry in metrics["groups"].items()}}
