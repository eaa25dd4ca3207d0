import json

import pytest
import tiny
import torch
from datasets import concatenate_datasets
from training_setup import bert, gradient_norms, image_data, text_data, trainer_for
from transformers import Trainer, TrainerCallback, TrainingArguments

from hf_fairdropout import FairDropoutForImageClassification, FairDropoutTrainer, FairDropoutTrainingArguments
from hf_fairdropout.placement import fair_dropout_layers


def resnet(**options):
    return FairDropoutForImageClassification.from_base(tiny.classifier("resnet"), **{"positions": "dp4", **options})


def record_rows(model):
    """The row numbers that each training step hands to the layer."""
    seen = []
    layer = fair_dropout_layers(model)[0]
    layer.register_forward_hook(lambda module, args, output: seen.append(args[1].tolist()) if module.training else None)
    return seen


@pytest.mark.parametrize(("make", "data"), [(bert, text_data), (resnet, image_data)])
def test_trains_evaluates_selects_and_records(make, data, tmp_path):
    model, splits = make(), data()
    seen = record_rows(model)
    trainer = trainer_for(model, splits, tmp_path, num_train_epochs=3)
    trainer.train()
    for epoch in range(3):
        rows = sorted(row for batch in seen[6 * epoch : 6 * epoch + 6] for row in batch)
        assert rows == list(range(24))
    lines = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [(line["step"], line["inference"]) for line in lines] == [(s, mode) for s in (6, 12, 18) for mode in ("keep", "drop")]
    worst = [line["worst_class_accuracy"] for line in lines if line["inference"] == "drop"]
    assert trainer.state.best_metric == max(worst)
    final = trainer.evaluate()
    assert final["eval_worst_class_accuracy"] == max(worst)
    assert set(lines[-1]["groups"]) <= {"cat/in", "cat/out", "dog/in", "dog/out", "fox/in", "fox/out"}
    assert "eval_group_accuracy/dog/in" in final
    assert "eval_keep_worst_group_accuracy" in final


def test_metrics_are_those_of_the_predictions(tmp_path):
    model, splits = bert(), text_data(rows=21)
    trainer = trainer_for(model, splits, tmp_path)
    metrics = trainer.evaluate(splits["test"], metric_key_prefix="test")
    rows = splits["test"][:]
    with torch.no_grad():
        predictions = model.eval()(input_ids=rows["input_ids"], attention_mask=rows["attention_mask"]).logits.argmax(1)
    right = (predictions == rows["label"]).double()
    assert metrics["test_average_accuracy"] == pytest.approx(right.mean().item())
    by_group = {g: right[rows["group"] == g].mean().item() for g in set(rows["group"].tolist())}
    assert metrics["test_worst_group_accuracy"] == pytest.approx(min(by_group.values()))
    assert trainer.predict(splits["test"]).metrics["test_worst_group_accuracy"] == metrics["test_worst_group_accuracy"]


def test_keep_mode_is_another_model_and_leaves_no_trace(tmp_path):
    model = bert(p_gen=0.1)
    trainer = trainer_for(model, text_data(), tmp_path)
    metrics = trainer.evaluate()
    assert metrics["eval_keep_log_loss"] != metrics["eval_log_loss"]
    assert all(layer.inference == "drop" for layer in fair_dropout_layers(model))
    assert not any("keep" in name for name in trainer_for(bert(p_gen=1.0), text_data(), tmp_path).evaluate())
    assert not any("keep" in name for name in trainer_for(model, text_data(), tmp_path, keep_curve=False).evaluate())


@pytest.mark.parametrize("family", ["bert", "resnet"])
def test_plain_models_train_too_and_never_see_groups(family, tmp_path):
    data = text_data() if family == "bert" else image_data()
    model = tiny.classifier(family)
    seen = []
    model.register_forward_pre_hook(lambda module, args, kwargs: seen.append(set(kwargs)), with_kwargs=True)
    trainer = trainer_for(model, data, tmp_path, num_train_epochs=1)
    trainer.train()
    assert not set.union(*seen) & {"row_index", "group", "attribute", "num_items_in_batch"}
    assert "eval_worst_group_accuracy" in trainer.evaluate()


def test_stock_trainer_needs_nothing_but_the_column(tmp_path):
    model, splits = bert(), text_data()
    seen = record_rows(model)
    args = TrainingArguments(str(tmp_path), num_train_epochs=1, per_device_train_batch_size=4, report_to="none", use_cpu=True, disable_tqdm=True)
    columns = [name for name in splits["train"].column_names if name in ("attribute", "group")]
    train = splits["train"].remove_columns(columns).rename_column("label", "labels")
    trainer = Trainer(model, args, train_dataset=train)
    trainer.train()
    assert sorted(row for batch in seen for row in batch) == list(range(24))
    assert not trainer.model_accepts_loss_kwargs


@pytest.mark.parametrize("make", [bert, lambda: tiny.classifier("bert"), lambda: tiny.classifier("vit"), lambda: bert(p_gen=1.0)])
def test_accumulated_gradients_equal_plain_ones(make, tmp_path):
    data = image_data() if getattr(make(), "main_input_name", "") == "pixel_values" else text_data()
    plain = gradient_norms(FairDropoutTrainer, FairDropoutTrainingArguments, make(), data, tmp_path / "a", per_device_train_batch_size=8)
    halves = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    accumulated = gradient_norms(FairDropoutTrainer, FairDropoutTrainingArguments, make(), data, tmp_path / "b", **halves)
    assert accumulated == pytest.approx(plain, rel=1e-5)


def test_accumulated_gradients_of_the_wrapper_under_stock_trainer(tmp_path):
    data = text_data()
    data["train"] = data["train"].remove_columns(["attribute", "group"])
    plain = gradient_norms(Trainer, TrainingArguments, bert(), data, tmp_path / "a", per_device_train_batch_size=8)
    halves = {"per_device_train_batch_size": 4, "gradient_accumulation_steps": 2}
    assert gradient_norms(Trainer, TrainingArguments, bert(), data, tmp_path / "b", **halves) == pytest.approx(plain, rel=1e-5)


@pytest.mark.parametrize("control", ["none", "rate_matched"])
def test_resume_gives_what_an_uninterrupted_run_gives(control, tmp_path):
    splits = text_data()
    whole = trainer_for(bert(dropout_control=control), splits, tmp_path / "whole", num_train_epochs=4, save_total_limit=None)
    whole.train()
    stopped = trainer_for(bert(dropout_control=control), splits, tmp_path / "stopped", num_train_epochs=4, save_total_limit=None)
    stopped.add_callback(StopAfter(epochs=2))
    stopped.train()
    resumed = trainer_for(bert(dropout_control=control), splits, tmp_path / "stopped", num_train_epochs=4, save_total_limit=None)
    resumed.train(resume_from_checkpoint=True)
    for ours, theirs in zip(resumed.model.state_dict().values(), whole.model.state_dict().values(), strict=True):
        assert torch.equal(ours, theirs)
    records = [(tmp_path / name / "metrics.jsonl").read_text() for name in ("whole", "stopped")]
    assert records[0] == records[1]


class StopAfter(TrainerCallback):
    """Ends training after some epochs, as a time limit would."""

    def __init__(self, epochs):
        self.epochs = epochs

    def on_epoch_end(self, args, state, control, **kwargs):
        control.should_training_stop = state.epoch >= self.epochs
        return control


def test_resumption_forgets_what_came_after_the_checkpoint(tmp_path):
    splits = text_data()
    trainer_for(bert(), splits, tmp_path, num_train_epochs=3, save_total_limit=None).train()
    trainer = trainer_for(bert(), splits, tmp_path, num_train_epochs=3, save_total_limit=None)
    trainer.train(resume_from_checkpoint=str(tmp_path / "checkpoint-6"))
    steps = [json.loads(line)["step"] for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert steps == [6, 6, 12, 12, 18, 18]


def test_another_run_in_the_folder_is_refused_and_kept(tmp_path):
    splits = text_data()
    trainer_for(bert(), splits, tmp_path).train()
    before = (tmp_path / "metrics.jsonl").read_text()
    with pytest.raises(ValueError, match="holds another run"):
        trainer_for(bert(), splits, tmp_path).train()
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_tables_are_printed(tmp_path, capsys):
    trainer_for(bert(), text_data(), tmp_path, group_tables=True).evaluate()
    printed = capsys.readouterr().out
    assert "worst group: " in printed
    assert "(few)" in printed
    assert "'eval_keep_" not in printed


def test_data_without_attributes_reports_by_class(tmp_path):
    splits = text_data().remove_columns(["attribute", "group"])
    metrics = trainer_for(bert(), splits, tmp_path).evaluate()
    assert metrics["eval_worst_group_accuracy"] == metrics["eval_worst_class_accuracy"]


def test_transformed_data_sets_keep_what_the_transform_reads(tmp_path):
    splits = image_data()

    def transform(batch):
        return {"pixel_values": [torch.tensor(image) for image in batch["image"]], **{k: batch[k] for k in ("row_index", "label", "group")}}

    lazy = splits.with_format(None).rename_column("pixel_values", "image").with_transform(transform)
    trainer = trainer_for(resnet(), lazy, tmp_path, num_train_epochs=1)
    trainer.train()
    assert "eval_group_accuracy/cat/in" in trainer.evaluate()


def test_streams_that_carry_their_row_numbers_train(tmp_path):
    splits, model = text_data(), bert()
    seen = record_rows(model)
    stream = splits["train"].with_format(None).to_iterable_dataset(num_shards=2).shuffle(seed=0, buffer_size=8)
    splits["train"] = stream
    trainer_for(model, splits, tmp_path, max_steps=6, eval_strategy="steps", eval_steps=6, save_strategy="steps", save_steps=6).train()
    assert sorted(row for batch in seen for row in batch) == list(range(24))
    splits["train"] = stream.remove_columns("row_index")
    with pytest.raises(ValueError, match="training needs `row_index`, but the batch has"):
        trainer_for(bert(), splits, tmp_path / "b", max_steps=1, eval_strategy="no", save_strategy="no").train()


def test_rows_without_labels_leave_no_record(tmp_path):
    splits = text_data()
    trainer = trainer_for(bert(), splits, tmp_path)
    trainer.evaluate()
    before = (tmp_path / "metrics.jsonl").read_text()
    assert trainer.predict(splits["test"].remove_columns("label")).predictions.shape == (24, 3)
    assert (tmp_path / "metrics.jsonl").read_text() == before


def test_bf16_autocast_trains(tmp_path):
    trainer_for(bert(), text_data(), tmp_path, bf16=True, num_train_epochs=1).train()


def no_eval(trainer_data):
    args = FairDropoutTrainingArguments("unused", report_to="none", use_cpu=True)
    return FairDropoutTrainer(bert(), args, train_dataset=trainer_data["train"])


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (lambda train: train.remove_columns("row_index"), "training needs `row_index`, but the data set has"),
        (lambda train: concatenate_datasets([train, train]), "row_index is not unique"),
        (lambda train: train.remove_columns("row_index").add_column("row_index", [-1.0] * 24), "dtype float"),
        (lambda train: train.remove_columns("row_index").add_column("row_index", list(range(-1, 23))), "holds -1"),
    ],
)
def test_bad_row_numbers_are_refused_before_training(train, message, tmp_path):
    splits = text_data()
    splits["train"] = train(splits["train"].with_format(None)).with_format("torch")
    with pytest.raises(ValueError, match=message):
        trainer_for(bert(), splits, tmp_path)
    trainer_for(bert(dropout_control="rate_matched"), splits, tmp_path)


def test_missing_validation_split():
    with pytest.raises(ValueError, match="eval_dataset is missing"):
        no_eval(text_data())


def test_more_classes_than_outputs(tmp_path):
    model = FairDropoutForImageClassification.from_base(tiny.classifier("resnet", num_labels=2), positions="dp4")
    with pytest.raises(ValueError, match="data have 3 classes.*num_labels=2"):
        trainer_for(model, image_data(), tmp_path)
