import pytest
import tiny
import torch
from torch import nn
from transformers import ResNetConfig

from hf_fairdropout import FairDropout, FairDropoutConfig, inject_fair_dropout
from hf_fairdropout.placement import attach, find_position

WIDTHS = {"resnet": (8, 12, 16, 24), "convnext": (8, 12, 16, 24), "swin": (8, 16, 32, 64)}
FEATURES = {"swin": 64, "timm_swin": 64, "resnet": 24, "convnext": 24, "timm_resnet": 24, "timm_convnext": 24}


@pytest.mark.parametrize("family", tiny.STAGED)
def test_stage_names_find_last_blocks(family):
    model = tiny.classifier(family)
    for stage, width in enumerate(WIDTHS[family.removeprefix("timm_")]):
        placement = find_position(model, f"dp{stage + 2}")
        assert placement.num_neurons == width
        assert placement.channel_dim == (-1 if "swin" in family else 1)
        assert placement.path.rsplit(".", 1)[1] == ("1" if stage == 2 and family != "timm_resnet" else "0")
        assert not isinstance(model.get_submodule(placement.path), nn.Sequential)


@pytest.mark.parametrize("family", tiny.CONFIGS)
def test_features_and_blocks(family):
    model = tiny.classifier(family)
    features = find_position(model, "dplogits")
    assert features.num_neurons == FEATURES.get(family, 16)
    assert model.get_submodule(features.path).out_features == 3
    block = find_position(model, tiny.BLOCK_PATHS[family])
    assert block.path == tiny.BLOCK_PATHS[family]


@pytest.mark.parametrize("family", tiny.CONFIGS)
def test_found_width_is_the_activation(family):
    """The layer raises unless width and dimension fit, so a forward at every position is the test."""
    names = ["dplogits", tiny.BLOCK_PATHS[family], *(["dp2", "dp4", "dp5"] if family in tiny.STAGED else [])]
    batch = tiny.batch(family)
    for name in names:
        model = inject_fair_dropout(tiny.classifier(family), FairDropoutConfig(positions=[name], p_gen=0.5)).train()
        model(**batch).loss.backward()


def test_torchvision_networks_have_stages_too():
    from torchvision.models import resnet18

    model = resnet18(num_classes=3)
    assert [find_position(model, f"dp{n}").num_neurons for n in range(2, 6)] == [64, 128, 256, 512]
    assert find_position(model, "layer2").path == "layer2.1"


def test_adds_no_weights_and_renames_none():
    model = tiny.classifier("resnet")
    before = list(model.state_dict())
    attach(model, FairDropoutConfig(positions=["dp2", "dp4", "dplogits"]))
    assert list(model.state_dict()) == before
    layers = [module for module in model.modules() if isinstance(module, FairDropout)]
    assert sorted(layer.position for layer in layers) == [0, 1, 2]


def test_sequential_is_masked_once():
    model = nn.Sequential(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 8)), nn.Linear(8, 2))
    attach(model, FairDropoutConfig(positions=["0"], p_gen=0.5))
    calls = []
    model[0][1].fair_dropout.register_forward_hook(lambda *_: calls.append(1))
    model.eval()(torch.ones(2, 4))
    assert calls == [1]


@pytest.mark.parametrize("projection_size", [None, 5])
def test_dpfc_adds_a_projection(projection_size):
    model = tiny.classifier("bert")
    attach(model, FairDropoutConfig(positions=["dpfc"], p_gen=0.4, projection_size=projection_size)).eval()
    features = torch.randn(3, 16)
    head, size = model.classifier, projection_size or 16
    hidden = features @ head.projection.weight.T + head.projection.bias
    hidden[:, round(0.4 * size) :] = 0
    torch.testing.assert_close(head(features), hidden @ head.weight.T + head.bias)
    assert head.projection.weight.shape == (size, 16)


@pytest.mark.parametrize(
    ("positions", "message"),
    [
        (["bert.encoder.layer.7"], r"no module of BertForSequenceClassification; did you mean 'bert.encoder.layer.\d'"),
        (["dp6"], "did you mean 'dp5'"),
        (["encoder.layer.1"], "did you mean 'bert.encoder.layer.1'"),
        (["output"], "matches several modules: .*give the path of one in full"),
        (["zzzz"], "choose one of dp2"),
        (["dp4"], "has no such stage; use 'dplogits'"),
        (["bert.encoder.layer"], "list of modules, which is never called"),
        (["bert.embeddings.dropout"], "without weights"),
        (["dplogits", "classifier"], "are the same place"),
    ],
)
def test_bad_positions(positions, message):
    with pytest.raises(ValueError, match=message):
        attach(tiny.classifier("bert"), FairDropoutConfig(positions=positions))


def test_no_classifier_of_that_width():
    with pytest.raises(ValueError, match="needs a linear classifier"):
        find_position(nn.Conv2d(3, 3, 1), "dplogits")


def test_twice_is_refused():
    model = attach(tiny.classifier("resnet"), FairDropoutConfig(positions=["dp4"]))
    with pytest.raises(ValueError, match="has FairDropout layers already"):
        attach(model, FairDropoutConfig(positions=["dp5"]))


def test_a_module_without_a_tensor_is_refused():
    model = inject_fair_dropout(tiny.classifier("bert"), FairDropoutConfig(positions=["bert.encoder"])).eval()
    batch = tiny.batch("bert")
    with pytest.raises(TypeError, match="cannot follow BertEncoder"):
        model(**batch)


def test_a_wrong_guess_of_the_width_is_named():
    model = inject_fair_dropout(tiny.classifier("vit"), FairDropoutConfig(positions=["vit.embeddings"], p_gen=0.5)).eval()
    batch = tiny.batch("vit", size=2)
    with pytest.raises(ValueError, match=r"num_neurons=16 does not fit the activation of shape \(2, 17, 16\)"):
        model(**batch)


def test_channel_count_that_does_not_fit():
    model = tiny.classifier("resnet")
    attach(model, FairDropoutConfig(ResNetConfig(), positions=["dp4"]))
    model.resnet.encoder.stages[2].layers[-1].fair_dropout.num_neurons = 15
    with pytest.raises(ValueError, match="num_neurons=15 does not fit"):
        model(pixel_values=tiny.batch("resnet")["pixel_values"])
