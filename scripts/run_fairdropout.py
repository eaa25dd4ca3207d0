#!/usr/bin/env python
"""Fine-tune a classifier with FairDropout, evaluate it per group, and save it.

    python scripts/run_fairdropout.py --benchmark digits --output_dir runs/digits
    python scripts/run_fairdropout.py --benchmark digits --output_dir runs/digits --resume_from_checkpoint true
    python scripts/run_fairdropout.py scripts/configs/digits/fairdropout.yaml --output_dir runs/digits --seed 1
    torchrun --nproc_per_node 2 scripts/run_fairdropout.py --benchmark digits --output_dir runs/digits --use_cpu

A file of arguments (YAML or JSON) may come first; the command line wins. Without one, configs/BENCHMARK/fairdropout.yaml is read where it exists.
"""

import json
import sys
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml
from datasets import Dataset, DatasetDict
from transformers import (
    AutoImageProcessor,
    AutoModelForImageClassification,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    HfArgumentParser,
    PreTrainedModel,
    ViTImageProcessor,
    set_seed,
)
from transformers.utils import logging

from hf_fairdropout import (
    BENCHMARKS,
    FairDropoutForImageClassification,
    FairDropoutForSequenceClassification,
    FairDropoutTrainer,
    FairDropoutTrainingArguments,
    load_benchmark,
)
from hf_fairdropout.configuration import as_config
from hf_fairdropout.data.preprocessing import benchmark_transform, is_image_benchmark, preprocess_images, tokenize_texts
from hf_fairdropout.data.schema import GroupNames
from hf_fairdropout.training.reloading import reload_difference
from hf_fairdropout.training.report import write_report
from hf_fairdropout.training.run_folder import (
    describe_data,
    labels_seen,
    record_selection,
    refuse_changed_resumption,
    refuse_other_run,
    write_run_record,
)
from hf_fairdropout.training.summary import describe_model, summarize

CONFIGS = Path(__file__).parent / "configs"


@dataclass
class DataArguments:
    """What to train on."""

    benchmark: str = field(default="digits", metadata={"help": f"One of {', '.join(BENCHMARKS)}, or tabled: a metadata CSV of your own."})
    data_dir: str | None = field(default=None, metadata={"help": "Folder with the files of the benchmark; digits has none."})
    image_size: int = field(default=224, metadata={"help": "Height and width in pixels that a model from scratch is given."})
    max_length: int = field(default=128, metadata={"help": "Longer texts are cut, in tokens."})
    metadata: str | None = field(default=None, metadata={"help": "A CSV in the SubpopBench form, in data_dir."})
    stored_image_size: int | None = field(default=None, metadata={"help": "Read the resized copy that prepare_dataset.py --image_size made."})
    on_bad_image: str = field(default="error", metadata={"help": "error, or skip: leave out the images that cannot be decoded, and list them."})
    lazy: bool = field(default=False, metadata={"help": "Preprocess rows when they are read, rather than once before training."})
    augment: bool = field(default=False, metadata={"help": "Train on random crops and flips (not in the paper)."})


@dataclass
class ModelArguments:
    """What to train: a checkpoint or a model from scratch, and where FairDropout goes."""

    model_name_or_path: str | None = field(default=None, metadata={"help": "Hub name or folder of a plain checkpoint to fine-tune."})
    model_config: str | None = field(default=None, metadata={"help": "Configuration of a model from scratch: JSON, or a file, with `model_type`."})
    tokenizer_name: str | None = field(default=None, metadata={"help": "Tokenizer, if it is not the checkpoint's own."})
    positions: list[str] | None = field(
        default=None,
        metadata={"help": "dp2 … dp5, dplogits, dpfc or module paths; 'none' is the plain model. Default: dp4 for images, dpfc for text."},
    )
    p_gen: float = field(default=0.2, metadata={"help": "Share of generalizing neurons; 1 is the plain model."})
    p_mem: float = field(default=0.2, metadata={"help": "Share of the memorizing neurons that each training row is given."})
    mask_seed: int = field(default=0, metadata={"help": "Which family of masks."})
    allocation: str = field(default="fixed", metadata={"help": "fixed or bernoulli."})
    rescale: bool = field(default=False, metadata={"help": "Keep the expected sum at inference as in training."})
    projection_size: int | None = field(default=None, metadata={"help": "Width of the layer that dpfc adds."})
    dropout_control: str = field(default="none", metadata={"help": "none, or a control experiment: rate_matched or slim."})


def parse(arguments: list[str]) -> tuple[ModelArguments, DataArguments, FairDropoutTrainingArguments]:
    """Read the arguments: file first, command line over it."""
    parser = HfArgumentParser((ModelArguments, DataArguments, FairDropoutTrainingArguments))
    file = None
    if {"-h", "--help"} & set(arguments):
        return parser.parse_args_into_dataclasses(arguments)  # shows the defaults of own data, not a benchmark's tuned ones
    if arguments and arguments[0].endswith((".yaml", ".yml", ".json")):
        file, arguments = Path(arguments[0]), arguments[1:]
    else:
        named = dict(zip(arguments, arguments[1:], strict=False)).get("--benchmark", DataArguments.benchmark)
        default = CONFIGS / named / "fairdropout.yaml"
        file = default if default.exists() and "--model_name_or_path" not in arguments else None
    if file is not None:
        settings = yaml.safe_load(file.read_text(encoding="utf-8"))
        known = {action.dest for action in parser._actions}
        if unknown := sorted(set(settings) - known):
            raise ValueError(f"{file} sets {unknown}, which are no arguments of this script; see --help")
        parser.set_defaults(**settings)
    return parser.parse_args_into_dataclasses(arguments)


def build_model(model_args: ModelArguments, names: GroupNames, is_image: bool) -> PreTrainedModel:
    """The classifier, wrapped unless positions are 'none'."""
    auto = AutoModelForImageClassification if is_image else AutoModelForSequenceClassification
    wrapper = FairDropoutForImageClassification if is_image else FairDropoutForSequenceClassification
    labels = {"id2label": dict(enumerate(names.labels)), "label2id": {name: number for number, name in enumerate(names.labels)}}
    if (model_args.model_name_or_path is None) == (model_args.model_config is None):
        raise ValueError("give either --model_name_or_path (fine-tune a checkpoint) or --model_config (train from scratch)")
    if model_args.model_name_or_path is not None:
        base = auto.from_pretrained(model_args.model_name_or_path, ignore_mismatched_sizes=True, num_labels=len(names.labels), **labels)
    else:
        base = auto.from_config(as_config({**_read_config(model_args.model_config), **labels}))
    positions = [name for given in model_args.positions or [] for name in given.split(",") if name] or None
    if positions == ["none"]:
        return base
    options = ("p_gen", "p_mem", "mask_seed", "allocation", "rescale", "projection_size", "dropout_control")
    return wrapper.from_base(base, positions=positions, **{name: getattr(model_args, name) for name in options})


def _read_config(model_config: str | dict[str, Any]) -> dict[str, Any]:
    if isinstance(model_config, dict):  # from a file of arguments
        return model_config
    return json.loads(model_config) if model_config.lstrip().startswith("{") else yaml.safe_load(Path(model_config).read_text(encoding="utf-8"))


def load_options(data_args: DataArguments) -> dict[str, Any]:
    """The options of the benchmark's builder that are not at their default."""
    options = {"metadata": data_args.metadata, "image_size": data_args.stored_image_size}
    options |= {"on_bad_image": data_args.on_bad_image} if data_args.on_bad_image != "error" else {}
    return {name: value for name, value in options.items() if value is not None}


def preprocess(benchmark: DatasetDict, model_args: ModelArguments, data_args: DataArguments) -> tuple[DatasetDict, Any]:
    """Model inputs, and the processor or tokenizer that made them."""
    if is_image_benchmark(benchmark):
        if model_args.model_name_or_path is not None:
            processor = _image_processor(model_args.model_name_or_path)
        else:
            processor = ViTImageProcessor(size={"height": data_args.image_size, "width": data_args.image_size})
        transform = benchmark_transform(data_args.benchmark, processor)
        augmented = benchmark_transform(data_args.benchmark, processor, augment=True) if data_args.augment else None
        return preprocess_images(benchmark, transform, cached=not data_args.lazy, train_transform=augmented), processor
    source = model_args.tokenizer_name or model_args.model_name_or_path
    if source is None:
        raise ValueError("a text model from scratch needs --tokenizer_name")
    tokenizer = AutoTokenizer.from_pretrained(source)
    return tokenize_texts(benchmark, tokenizer, max_length=data_args.max_length, cached=not data_args.lazy), tokenizer


def _image_processor(checkpoint: str) -> Any:
    try:
        return AutoImageProcessor.from_pretrained(checkpoint)
    except OSError as error:
        raise ValueError(
            f"{checkpoint!r} has no image processor; save the one that it was trained with there: processor.save_pretrained(…)"
        ) from error


def set_up(model_args: ModelArguments, data_args: DataArguments, training_args: FairDropoutTrainingArguments) -> tuple[FairDropoutTrainer, Dataset]:
    """Everything before training, where bad input shows: the trainer, and the test split."""
    folder, resume = training_args.output_dir, training_args.resume_from_checkpoint
    training_args.resume_from_checkpoint = True if str(resume).lower() == "true" else resume
    if not resume:
        refuse_other_run(folder)
    set_seed(training_args.seed)
    benchmark, data_warnings = load_with_warnings(data_args)
    names = GroupNames.of(benchmark["train"].features, num_labels=0)
    is_image = is_image_benchmark(benchmark)
    if training_args.freeze_batch_norm is None:
        training_args.freeze_batch_norm = is_image and model_args.model_name_or_path is not None
    arguments, data = {**vars(model_args), **vars(data_args), **training_args.to_dict()}, describe_data(benchmark)
    if resume:
        refuse_changed_resumption(folder, arguments, data)
    model = build_model(model_args, names, is_image)
    inputs, processor = preprocess(benchmark, model_args, data_args)
    trainer = FairDropoutTrainer(model, training_args, train_dataset=inputs["train"], eval_dataset=inputs["validation"], processing_class=processor)
    if trainer.is_world_process_zero():
        write_run_record(
            folder,
            title=f"{data_args.benchmark}: {describe_model(model)}",
            summary=summarize(model, training_args, image_size=data_args.image_size, max_length=data_args.max_length),
            labels_seen=labels_seen(training_args.attributes, len(names.attributes) > 1),
            data=data,
            data_warnings=data_warnings,
            arguments=arguments,
        )
    return trainer, inputs["test"]


def run(model_args: ModelArguments, data_args: DataArguments, training_args: FairDropoutTrainingArguments, quiet: bool = False) -> dict[str, float]:
    """Train, evaluate on test, save; the run folder tells the whole story. Returns the metrics of the test split."""
    return finish(*set_up(model_args, data_args, training_args), quiet)


def finish(trainer: FairDropoutTrainer, test: Dataset, quiet: bool = False) -> dict[str, float]:
    """Train, evaluate, save, report, and reload; `quiet` prints nothing at the end."""
    folder = trainer.args.output_dir
    trainer.train(resume_from_checkpoint=trainer.args.resume_from_checkpoint)
    metrics = trainer.evaluate(test, metric_key_prefix="test")
    trainer.save_model()
    if trainer.is_world_process_zero():
        record_selection(folder, trainer.args.metric_for_best_model, trainer.state.best_global_step, trainer.state.best_metric)
        report = write_report(folder)
        difference = reload_difference(trainer, test.select(range(min(8, len(test)))))
        if difference > 1e-4:
            raise RuntimeError(f"the model in {folder} reloads with other logits (off by {difference:.1e}); do not publish it")
        if not quiet:
            print(f"report: {report}\nmodel:  {folder} (reloaded by its Auto class: largest difference of logits {difference:.1e})")
    return metrics


def load_with_warnings(data_args: DataArguments) -> tuple[DatasetDict, list[str]]:
    """The benchmark, and what there is to say of it: printed now, and kept for the report."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        benchmark = load_benchmark(data_args.benchmark, data_args.data_dir, **load_options(data_args))
    messages = [str(warning.message) for warning in caught if issubclass(warning.category, UserWarning)]
    for message in messages:
        print(f"warning: {message}", file=sys.stderr)
    for split, rows in benchmark.items():
        if not len(rows):
            raise ValueError(f"the {split} split has no rows; a run needs rows in train, validation and test")
    return benchmark, messages


def main() -> None:
    """The command line."""
    logging.disable_progress_bar()  # those of loading and saving weights; training keeps its own
    try:
        prepared = set_up(*parse(sys.argv[1:]))
    except (ValueError, TypeError, OSError) as error:
        sys.exit(f"error: {error}")
    finish(*prepared)


if __name__ == "__main__":
    main()
