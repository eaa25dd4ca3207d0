import json

import pytest
import torch
from command_line import run_script
from PIL import Image
from run_fairdropout import build_model, parse
from transformers import AutoModelForImageClassification, ResNetForImageClassification, pipeline

import hf_fairdropout
from hf_fairdropout.data import GroupNames

NAMES = GroupNames(("no", "yes"), ("a", "b"))


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "digits"
    done = run_script("--benchmark", "digits", "--output_dir", folder, "--num_train_epochs", "2")
    assert done.returncode == 0, done.stderr[-3000:]
    return folder, done


def test_folder_tells_the_whole_story(run_folder):
    folder, done = run_folder
    for name in ("report.md", "metrics.jsonl", "run.json", "model.safetensors", "config.json", "preprocessor_config.json"):
        assert (folder / name).stat().st_size > 0
    assert {path.name for path in (folder / "figures").iterdir()} == {"test_groups.png", "validation_curves.png"}
    for picture in (folder / "figures").iterdir():
        assert min(Image.open(picture).size) > 300
    record = json.loads((folder / "run.json").read_text())
    assert record["labels_seen"] == {"training": ["label"], "selection": ["label"], "evaluation": ["label", "attribute"]}
    assert record["data"]["train"]["rows"] == 1000
    assert len(record["data"]["test"]["fingerprint"]) == 64
    assert record["versions"]["torch"] == torch.__version__.partition("+")[0] or record["versions"]["torch"] == torch.__version__
    assert "--benchmark digits" in record["command"]
    report = (folder / "report.md").read_text()
    final = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()][-1]
    assert f"| {100 * final['average_accuracy']:.1f} |" in report
    assert f"worst group: {final['worst_group']}" in report
    selected = record["selected"]
    assert f"{selected['worst_class_accuracy']:.4f}, at step {selected['step']}" in report
    assert "worst group: " in done.stdout
    assert "largest difference of logits 0.0e+00" in done.stdout


def test_model_reloads_and_answers(run_folder):
    folder, _ = run_folder
    model = AutoModelForImageClassification.from_pretrained(folder)
    assert type(model) is hf_fairdropout.FairDropoutForImageClassification
    assert model.config.id2label == {0: "0-4", 1: "5-9"}
    image = hf_fairdropout.load_benchmark("digits")["test"][0]["image"]
    answer = pipeline("image-classification", model=str(folder))(image)
    assert {entry["label"] for entry in answer} == {"0-4", "5-9"}


def test_a_second_run_into_the_folder_is_refused(run_folder):
    folder, _ = run_folder
    before = (folder / "metrics.jsonl").read_text()
    done = run_script("--benchmark", "digits", "--output_dir", folder, "--num_train_epochs", "2")
    assert done.returncode != 0
    assert "holds another run" in done.stderr
    assert (folder / "metrics.jsonl").read_text() == before


def test_resume_from_the_command_line(run_folder):
    folder, _ = run_folder
    done = run_script("--benchmark", "digits", "--output_dir", folder, "--num_train_epochs", "3", "--resume_from_checkpoint", "true")
    assert done.returncode == 0, done.stderr[-3000:]
    steps = [json.loads(line)["step"] for line in (folder / "metrics.jsonl").read_text().splitlines()]
    assert steps.count(48) == 4


def test_resuming_as_another_experiment_is_refused(run_folder):
    folder, _ = run_folder
    before = (folder / "run.json").read_text()
    done = run_script("--benchmark", "digits", "--output_dir", folder, "--resume_from_checkpoint", "true", "--p_gen", "0.7")
    assert done.returncode != 0
    assert "cannot be resumed as this one:" in done.stderr
    assert "p_gen: 0.35 before, 0.7 now" in done.stderr
    assert "Traceback" not in done.stderr
    assert (folder / "run.json").read_text() == before


def test_help_shows_the_defaults_of_own_data():
    shown = " ".join(run_script("--help").stdout.split())
    assert "Share of generalizing neurons; 1 is the plain model. (default: 0.2)" in shown


def test_file_of_arguments_and_overrides(tmp_path):
    file = tmp_path / "arguments.yaml"
    file.write_text("benchmark: digits\np_gen: 0.7\npositions: [dp3, dplogits]\nlearning_rate: 1.0e-3\n")
    model_args, data_args, training_args = parse([str(file), "--output_dir", str(tmp_path), "--p_mem", "0.3", "--learning_rate", "0.5"])
    assert (model_args.p_gen, model_args.p_mem, model_args.positions) == (0.7, 0.3, ["dp3", "dplogits"])
    assert training_args.learning_rate == 0.5
    assert data_args.benchmark == "digits"


def test_tuned_defaults_of_the_embedded_benchmark(tmp_path):
    model_args, _, training_args = parse(["--benchmark", "digits", "--output_dir", str(tmp_path)])
    assert model_args.positions == ["dp5"]
    assert training_args.metric_for_best_model == "worst_class_accuracy"
    plain = build_model(parse(["--positions", "none", "--output_dir", str(tmp_path)])[0], NAMES, is_image=True)
    assert type(plain) is ResNetForImageClassification
    assert plain.config.id2label == {0: "no", 1: "yes"}
    wrapped = build_model(parse(["--p_gen", "1", "--output_dir", str(tmp_path)])[0], NAMES, is_image=True)
    assert wrapped.config.p_gen == 1.0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--p_gen", "1.5"], "p_gen=1.5"),
        (["--positions", "dp9"], "did you mean"),
        (["--dropout_control", "none?"], "dropout_control='none?'"),
        (["--model_config", '{"depths": [1]}'], "has no `model_type`"),
        (["--model_name_or_path", "x", "--model_config", '{"model_type": "resnet"}'], "give either"),
    ],
)
def test_bad_model_arguments(arguments, message, tmp_path):
    with pytest.raises(ValueError, match=message.replace("?", r"\?")):
        build_model(parse([*arguments, "--output_dir", str(tmp_path)])[0], NAMES, is_image=True)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--method", "gdro"], "error: method='gdro' is unknown"),
        (["--metric_for_best_model", "worst_group_accuracy"], "a leak"),
        (["--benchmark", "digit"], "benchmark 'digit' is unknown"),
    ],
)
def test_bad_command_lines(arguments, message, tmp_path):
    done = run_script(*arguments, "--output_dir", tmp_path / "run")
    assert done.returncode != 0
    assert message in done.stderr
    assert not (tmp_path / "run" / "metrics.jsonl").exists()


def test_unknown_key_in_a_file(tmp_path):
    file = tmp_path / "arguments.yaml"
    file.write_text("p_gem: 0.7\n")
    with pytest.raises(ValueError, match=r"sets \['p_gem'\], which are no arguments"):
        parse([str(file)])
