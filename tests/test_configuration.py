import copy
import json
import pickle

import pytest
from transformers import AutoConfig, BertConfig, ResNetConfig, TimmWrapperConfig

from hf_fairdropout import FairDropoutConfig


def test_needs_no_arguments():
    assert FairDropoutConfig().base_config.model_type == "resnet"


@pytest.mark.parametrize("base", [ResNetConfig(num_labels=5), BertConfig(num_labels=5), TimmWrapperConfig(architecture="resnet18", num_labels=5)])
def test_round_trip_keeps_labels_and_fields(base, tmp_path):
    fields = {"positions": ["dplogits", "dp3"], "p_gen": 0.5, "p_mem": 0.1, "mask_seed": 9, "allocation": "bernoulli", "rescale": True}
    config = FairDropoutConfig(base, **fields, inference="keep", projection_size=7, dropout_control="slim")
    config.save_pretrained(tmp_path)
    for twin in (AutoConfig.from_pretrained(tmp_path), copy.deepcopy(config), pickle.loads(pickle.dumps(config))):
        assert isinstance(twin, FairDropoutConfig)
        assert twin.num_labels == twin.base_config.num_labels == 5
        assert type(twin.base_config) is type(base)
        assert {name: getattr(twin, name) for name in fields} == fields
        assert (twin.inference, twin.projection_size, twin.dropout_control) == ("keep", 7, "slim")


def test_labels_reach_the_base():
    config = FairDropoutConfig(
        BertConfig(), id2label={0: "a", 1: "b", 2: "c"}, label2id={"a": 0, "b": 1, "c": 2}, problem_type="single_label_classification"
    )
    assert config.base_config.id2label == {0: "a", 1: "b", 2: "c"}
    assert config.base_config.problem_type == "single_label_classification"
    assert FairDropoutConfig({"model_type": "bert"}, num_labels=4).base_config.num_labels == 4


def test_does_not_touch_the_given_configuration():
    base = BertConfig(num_labels=2)
    FairDropoutConfig(base, num_labels=6)
    assert base.num_labels == 2


def test_one_position_may_be_a_string():
    assert FairDropoutConfig(positions="dp4").positions == ["dp4"]
    assert FairDropoutConfig(positions=()).positions == []


def test_plain_checkpoint_is_refused(tmp_path):
    BertConfig().save_pretrained(tmp_path)
    with pytest.raises(ValueError, match="plain 'bert' checkpoint.*from_base"):
        FairDropoutConfig.from_pretrained(tmp_path)


def test_json_is_plain():
    text = json.loads(FairDropoutConfig().to_json_string())
    assert text["positions"] == ["dp4"]
    assert text["base_config"]["model_type"] == "resnet"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"p_gen": 1.5}, "p_gen=1.5"),
        ({"p_mem": float("nan")}, "p_mem=nan"),
        ({"allocation": "x"}, "allocation='x'"),
        ({"inference": "x"}, "inference='x'"),
        ({"dropout_control": "x"}, "dropout_control='x'"),
        ({"projection_size": 0}, "projection_size=0"),
        ({"positions": ["dp4", "dp4"]}, "names 'dp4' twice"),
        ({"positions": [4]}, "not 4"),
        ({"base_config": {"hidden_size": 3}}, "no `model_type`"),
    ],
)
def test_bad_fields(fields, message):
    with pytest.raises(ValueError, match=message):
        FairDropoutConfig(**fields)
