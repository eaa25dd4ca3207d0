import copy
import pickle

import pytest
import tiny
import torch
from torch import nn
from transformers import AutoModelForImageClassification, AutoModelForSequenceClassification, pipeline

from hf_fairdropout import (
    FairDropout,
    FairDropoutConfig,
    FairDropoutForImageClassification,
    FairDropoutForSequenceClassification,
    example_tied_mask,
    inject_fair_dropout,
)
from hf_fairdropout.placement import fair_dropout_layers


def wrapper_class(family):
    return FairDropoutForImageClassification if family in tiny.IMAGE_CONFIGS else FairDropoutForSequenceClassification


def wrap(family, positions=None, **options):
    options = {"p_gen": 0.25, "p_mem": 0.3, **options}
    return wrapper_class(family).from_base(tiny.classifier(family), positions=positions or [tiny.BLOCK_PATHS[family], "dplogits"], **options)


def logits(model, batch):
    with torch.no_grad():
        return model(**batch).logits


families = pytest.mark.parametrize("family", tiny.CONFIGS)


@families
def test_masks_reach_the_activation(family):
    """What the classifier reads in training is the plain features times the mask that the row numbers say."""
    model = wrap(family, ["dplogits"]).train()
    layer = fair_dropout_layers(model)[0]
    seen = {}
    layer.register_forward_hook(lambda module, args, output: seen.update(before=args[0], after=output))
    batch = tiny.batch(family)
    model(**batch)
    mask = example_tied_mask(batch["row_index"], layer.num_neurons, 0.25, 0.3)
    assert torch.equal(seen["after"], seen["before"] * mask)


@families
def test_p_gen_one_is_the_base_model(family):
    plain, batch = tiny.classifier(family), tiny.batch(family)
    wrapped = wrap(family, p_gen=1.0)
    for mode in (False, True):
        torch.manual_seed(0)
        expected = plain.train(mode)(**{k: v for k, v in batch.items() if k != "row_index"})
        torch.manual_seed(0)
        output = wrapped.train(mode)(**batch)
        assert torch.equal(output.logits, expected.logits)
        assert torch.equal(output.loss, expected.loss)


@families
def test_save_and_load(family, tmp_path):
    model, batch = wrap(family, [tiny.BLOCK_PATHS[family], "dpfc"], projection_size=10), tiny.batch(family)
    model.save_pretrained(tmp_path)
    auto = AutoModelForImageClassification if family in tiny.IMAGE_CONFIGS else AutoModelForSequenceClassification
    for loaded in (auto.from_pretrained(tmp_path), type(model).from_pretrained(tmp_path)):
        assert type(loaded) is type(model)
        assert loaded.config.num_labels == 3
        assert torch.equal(logits(loaded, batch), logits(model, batch))
        loaded.train()(**batch).loss.backward()


@families
def test_state_dict_is_the_bases_behind_a_prefix(family):
    plain = tiny.classifier(family)
    expected = {f"model.{name}": value for name, value in plain.state_dict().items()}
    state = wrap(family).state_dict()
    assert state.keys() == expected.keys()
    assert all(torch.equal(state[name], value) for name, value in expected.items())


@families
def test_plain_checkpoint_loads_into_the_wrapper(family, tmp_path):
    plain, batch = tiny.classifier(family), tiny.batch(family)
    plain.save_pretrained(tmp_path)
    config = FairDropoutConfig(plain.config, positions=["dplogits"], p_gen=1.0)
    loaded = wrapper_class(family).from_pretrained(tmp_path, config=config)
    opened = wrapper_class(family).from_base(str(tmp_path), positions=["dplogits"], p_gen=1.0)
    del batch["row_index"]
    for model in (loaded, opened):
        assert torch.equal(logits(model, batch), logits(plain, batch))
    assert wrapper_class(family).from_base(str(tmp_path), positions=["dplogits"], num_labels=5).config.num_labels == 5


@families
def test_plain_class_refuses_a_wrapper_checkpoint(family, tmp_path):
    wrap(family).save_pretrained(tmp_path)
    with pytest.raises(Exception, match="this is a FairDropout checkpoint; import hf_fairdropout"):
        type(tiny.classifier(family)).from_pretrained(tmp_path)


@families
def test_from_scratch_equals_itself_by_seed(family):
    config = FairDropoutConfig(tiny.config(family), positions=["dpfc"])
    states = []
    for _ in range(2):
        torch.manual_seed(4)
        states.append(wrapper_class(family)(config).state_dict())
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


@families
def test_deepcopy_and_pickle(family):
    model, batch = wrap(family).train(), tiny.batch(family)
    model(**batch)
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        twin.eval(), model.eval()
        assert torch.equal(logits(twin, batch), logits(model, batch))
        twin.train()(**{**batch, "row_index": batch["row_index"] + 1})
        assert torch.equal(fair_dropout_layers(twin)[0].row_index, batch["row_index"] + 1)
        assert torch.equal(fair_dropout_layers(model)[0].row_index, batch["row_index"])


@families
def test_bfloat16(family, tmp_path):
    model = wrap(family)
    model.save_pretrained(tmp_path)
    half = type(model).from_pretrained(tmp_path, dtype=torch.bfloat16)
    batch = {k: v.bfloat16() if v.is_floating_point() else v for k, v in tiny.batch(family).items()}
    assert {p.dtype for p in half.parameters()} == {torch.bfloat16}
    output = half.train()(**batch)
    assert output.logits.dtype == torch.bfloat16
    output.loss.backward()


@pytest.mark.parametrize("family", ["resnet", "bert"])
def test_compile_and_export_in_inference(family):
    model, batch = wrap(family, ["dpfc", tiny.BLOCK_PATHS[family]]), tiny.batch(family)
    inputs = {k: v for k, v in batch.items() if k not in ("labels", "row_index")}
    expected = logits(model, inputs)
    torch.testing.assert_close(logits(torch.compile(model, fullgraph=True), inputs), expected, rtol=1e-4, atol=1e-5)
    exported = torch.export.export(model, (), inputs).module()
    torch.testing.assert_close(logits(exported, inputs), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("family", tiny.CONFIGS)
def test_compile_and_export_every_family(family):
    test_compile_and_export_in_inference(family)


@pytest.mark.parametrize("family", ["resnet", "bert"])
def test_compiled_training_step(family):
    model, batch = wrap(family).train(), tiny.batch(family)
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0
    twin = copy.deepcopy(model)
    expected = model(**batch).loss
    expected.backward()
    loss = torch.compile(twin, fullgraph=True)(**batch).loss
    loss.backward()
    torch.testing.assert_close(loss, expected, rtol=1e-4, atol=1e-5)
    for ours, theirs in zip(twin.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(ours.grad, theirs.grad, rtol=1e-3, atol=1e-5)


CHECKPOINTED = ("swin", "vit", "bert", "distilbert", "deberta_v2", "modernbert", "timm_resnet", "timm_convnext", "timm_swin")


@pytest.mark.parametrize("family", CHECKPOINTED)
def test_gradient_checkpointing(family):
    """Masks are computed again in backward: the gradients must be those of the plain pass."""
    batch = tiny.batch(family)
    gradients = []
    for checkpointing in (False, True):
        model = wrap(family).train()
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        if checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        model(**batch).loss.backward()
        gradients.append([p.grad.clone() for p in model.parameters() if p.grad is not None])
    for plain, replayed in zip(*gradients, strict=True):
        torch.testing.assert_close(replayed, plain, rtol=1e-4, atol=1e-6)


def test_gradient_checkpointing_where_the_base_has_none():
    with pytest.raises(ValueError, match="checkpointing"):
        wrap("resnet").gradient_checkpointing_enable()


def test_several_positions_have_their_own_masks():
    model = wrap("resnet", ["dp4", "resnet.encoder.stages.2.layers.0"]).train()
    batch = tiny.batch("resnet")
    model(**batch)
    first, second = fair_dropout_layers(model)
    assert {first.position, second.position} == {0, 1}
    masks = [example_tied_mask(torch.arange(50), 16, 0.25, 0.3, position=layer.position) for layer in (first, second)]
    assert not torch.equal(*masks)


def test_tuple_output_and_hidden_states():
    model, batch = wrap("bert"), tiny.batch("bert")
    loss, scores = model(**batch, return_dict=False)
    assert loss.ndim == 0
    assert scores.shape == (4, 3)
    assert len(model(**batch, output_hidden_states=True).hidden_states) == 3


def test_default_positions():
    assert FairDropoutForSequenceClassification.from_base(tiny.classifier("bert")).config.positions == ["dpfc"]
    assert FairDropoutForImageClassification.from_base(tiny.classifier("resnet")).config.positions == ["dp4"]
    assert wrap("bert", "none").config.positions == []


def test_batch_of_one_trains():
    model = wrap("bert").train()
    model(**tiny.batch("bert", size=1)).loss.backward()


def test_layer_in_inference_mode_inside_training():
    """Stage two of head retraining: the network trains, FairDropout infers, and no row numbers are needed."""
    model, batch = wrap("bert").train(), tiny.batch("bert")
    for layer in fair_dropout_layers(model):
        layer.eval()
    del batch["row_index"]
    model(**batch).loss.backward()


def test_data_parallel_inference_pipeline(tmp_path):
    from PIL import Image
    from transformers import ViTImageProcessor

    model = wrap("resnet")
    model.save_pretrained(tmp_path)
    ViTImageProcessor(size={"height": 32, "width": 32}).save_pretrained(tmp_path)
    answer = pipeline("image-classification", model=str(tmp_path))(Image.new("RGB", (40, 40), "red"))
    assert {entry["label"] for entry in answer} == {"LABEL_0", "LABEL_1", "LABEL_2"}


def test_peft_around_the_wrapper_keeps_row_index():
    from peft import LoraConfig, get_peft_model

    model = get_peft_model(wrap("bert"), LoraConfig(target_modules=["query"], r=2, modules_to_save=["classifier"])).train()
    batch = tiny.batch("bert")
    model(**batch).loss.backward()
    with pytest.raises(ValueError, match="needs `row_index`"):
        model(**{k: v for k, v in batch.items() if k != "row_index"})


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 6, 3))
        self.head = nn.Linear(6, 2)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


def test_inject_into_any_module():
    net = inject_fair_dropout(Net(), FairDropoutConfig(positions=["body", "dplogits"], p_gen=0.5, p_mem=0.5))
    x = torch.randn(3, 3, 8, 8)
    net.train()(x, row_index=torch.arange(3)).sum().backward()
    with pytest.raises(ValueError, match=r"needs `row_index`, but the batch has \[\]"):
        net(x)
    assert net.eval()(x).shape == (3, 2)
    assert sum(isinstance(m, FairDropout) for m in net.modules()) == 2
    assert net.body[2].fair_dropout.num_neurons == 6


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: wrap("bert").train()(**{k: v for k, v in tiny.batch("bert").items() if k != "row_index"}), ValueError,
         r"training needs `row_index`, but the batch has \['attention_mask', 'input_ids', 'labels'\]; add it with add_row_index"),
        (lambda: wrap("bert").train()(**{**tiny.batch("bert"), "row_index": torch.arange(4.0)}), TypeError, "float32"),
        (lambda: wrap("bert").train()(**{**tiny.batch("bert"), "row_index": torch.arange(5)}), ValueError, "5 entries for a batch of 4"),
        (lambda: wrap("bert").train()(**{**tiny.batch("bert"), "row_index": -torch.arange(4)}), ValueError, "holds -3"),
        (lambda: wrap("bert", p_gen=-1), ValueError, "p_gen=-1"),
        (lambda: wrap("bert", num_labels=4), ValueError, "num_labels=4, but the model has 3"),
        (lambda: wrap("bert", revision="x"), TypeError, "revision"),
        (lambda: FairDropoutForImageClassification.from_base(tiny.classifier("bert")), ValueError, "reads input_ids"),
        (lambda: FairDropoutForSequenceClassification(FairDropoutConfig()), ValueError, "cannot hold 'resnet'"),
        (lambda: wrap("resnet")(image=torch.ones(1)), ValueError, r"forward needs `pixel_values`, but the batch has \['image'\]"),
        (lambda: FairDropoutForImageClassification.from_base(wrap("resnet")), ValueError, "has FairDropout already"),
        (lambda: FairDropoutForImageClassification.from_base(Net()), TypeError, "inject_fair_dropout"),
        (lambda: wrap("bert", ["dp4"]), ValueError, "no such stage"),
    ],
)  # fmt: skip
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def test_wrapping_a_saved_wrapper_is_refused(tmp_path):
    wrap("bert").save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="is a FairDropout model already; load it with"):
        FairDropoutForSequenceClassification.from_base(str(tmp_path))
