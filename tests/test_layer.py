import copy
import pickle

import oracles
import pytest
import torch

from hf_fairdropout import FairDropout, example_tied_mask

SHAPES = {"2-D": ((4, 10), 1), "3-D": ((4, 5, 10), -1), "3-D middle": ((4, 10, 5), 1), "4-D": ((4, 10, 3, 2), 1), "4-D last": ((4, 3, 2, 10), -1)}
ROWS = torch.tensor([5, 0, 2**40, 7])


def masks(**options):
    return [oracles.naive_mask(row, 10, 0.3, 0.4, options.get("seed", 0), options.get("position", 0)) for row in ROWS.tolist()]


@pytest.mark.parametrize(("shape", "channel_dim"), SHAPES.values(), ids=SHAPES)
def test_training_equals_naive_loop(shape, channel_dim):
    x = torch.randn(shape)
    layer = FairDropout(10, 0.3, 0.4, seed=3, position=2, channel_dim=channel_dim)
    assert torch.equal(layer(x, ROWS), oracles.naive_layer(x, masks(seed=3, position=2), channel_dim))


@pytest.mark.parametrize(("shape", "channel_dim"), SHAPES.values(), ids=SHAPES)
def test_inference_drops_or_keeps(shape, channel_dim):
    x = torch.randn(shape)
    layer = FairDropout(10, 0.3, 0.4, channel_dim=channel_dim).eval()
    assert torch.equal(layer(x), oracles.naive_layer(x, [[True] * 3 + [False] * 7] * 4, channel_dim))
    assert torch.equal(layer(x, ROWS), layer(x))
    layer.inference = "keep"
    kept = layer(x).movedim(channel_dim, 1)
    plain = x.movedim(channel_dim, 1)
    assert torch.equal(kept[:, :3], plain[:, :3])
    torch.testing.assert_close(kept[:, 3:], plain[:, 3:] * 3 / 7)


@pytest.mark.parametrize("inference", ["drop", "keep"])
@pytest.mark.parametrize("control", ["none", "rate_matched", "slim"])
def test_p_gen_one_is_identity(control, inference):
    layer = FairDropout(10, 1, 0.4, dropout_control=control, inference=inference)
    x = torch.randn(4, 10)
    assert layer(x) is x
    assert layer.eval()(x) is x
    assert not layer.needs_row_index


def test_p_mem_zero_and_one():
    x = torch.randn(4, 10)
    generalizing = oracles.naive_layer(x, [[True] * 3 + [False] * 7] * 4, 1)
    none, every = FairDropout(10, 0.3, 0), FairDropout(10, 0.3, 1)
    assert torch.equal(none(x, ROWS), generalizing)
    assert torch.equal(every(x, ROWS), x)
    assert torch.equal(every.eval()(x), generalizing)
    every.inference = "keep"
    assert torch.equal(every(x), x)


def test_rescale_keeps_the_expected_sum():
    layer = FairDropout(10, 0.3, 0.4, rescale=True)
    x = torch.ones(2000, 10)
    in_training = layer(x, torch.arange(2000)).sum(1)
    assert (in_training == 6).all()
    torch.testing.assert_close(layer.eval()(x).sum(1), in_training)
    assert FairDropout(10, 0.3, 0.4, rescale=True, dropout_control="slim").rescale_factor == 1


def test_rate_matched_draws_afresh_at_the_same_rate():
    layer = FairDropout(10, 0.3, 0.4, dropout_control="rate_matched")
    x = torch.ones(3000, 10)
    first, second = layer(x), layer(x)
    assert (first.sum(1) == 6).all()
    assert not torch.equal(first, second)
    assert (first[:, 3:].mean(0) - 3 / 7).abs().max() < 0.05
    torch.manual_seed(1)
    again = layer(x)
    torch.manual_seed(1)
    assert torch.equal(again, layer(x))


def test_slim_never_uses_memorizing_neurons():
    layer = FairDropout(10, 0.3, 0.4, dropout_control="slim")
    x = torch.randn(4, 10)
    assert torch.equal(layer(x), layer.eval()(x))
    layer.inference = "keep"
    assert (layer(x)[:, 3:] == 0).all()


def test_bernoulli_keep_rate():
    layer = FairDropout(10, 0.3, 0.25, allocation="bernoulli", inference="keep")
    assert layer.keep_rate == 0.25
    x = torch.randn(4, 10)
    expected = example_tied_mask(ROWS, 10, 0.3, 0.25, allocation="bernoulli")
    assert torch.equal(layer(x, ROWS), x * expected)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16, torch.float32, torch.float64])
@pytest.mark.parametrize("inference", ["drop", "keep"])
def test_dtype_and_memory_format(dtype, inference):
    x = torch.randn(4, 10, 3, 2).to(dtype).to(memory_format=torch.channels_last)
    layer = FairDropout(10, 0.3, 0.4, inference=inference, rescale=True)
    for output in (layer(x, ROWS), layer.eval()(x)):
        assert output.dtype == dtype
        assert output.is_contiguous(memory_format=torch.channels_last)


def test_gradient_flows_to_own_neurons_only():
    x = torch.randn(4, 10, requires_grad=True)
    FairDropout(10, 0.3, 0.4)(x, ROWS).sum().backward()
    assert torch.equal(x.grad, torch.tensor(masks()).float())


def test_has_no_state():
    layer = FairDropout(10, 0.3, 0.4)
    assert not list(layer.parameters())
    assert not list(layer.buffers())
    assert not layer.state_dict()
    x = torch.randn(4, 10)
    for twin in (copy.deepcopy(layer), pickle.loads(pickle.dumps(layer))):
        assert torch.equal(twin(x, ROWS), layer(x, ROWS))


def test_batch_of_one():
    x = torch.randn(1, 10)
    assert torch.equal(FairDropout(10, 0.3, 0.4)(x, ROWS[:1]), oracles.naive_layer(x, masks()[:1], 1))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"p_gen": 2}, "p_gen=2"),
        ({"p_mem": float("nan")}, "p_mem=nan"),
        ({"channel_dim": 0}, "channel_dim=0"),
        ({"dropout_control": "x"}, "dropout_control='x'"),
        ({"inference": "x"}, "inference='x'"),
        ({"allocation": "x"}, "allocation='x'"),
        ({"p_gen": 0, "rescale": True}, "rescale=True"),
    ],
)
def test_bad_arguments(options, message):
    with pytest.raises(ValueError, match=message):
        FairDropout(**{"num_neurons": 10, "p_gen": 0.3, "p_mem": 0.4, **options})


@pytest.mark.parametrize(
    ("x", "row_index", "error", "message"),
    [
        (torch.randn(4, 10), None, ValueError, "needs `row_index`"),
        (torch.randn(4, 10), torch.arange(3), ValueError, "3 entries for a batch of 4"),
        (torch.randn(4, 10), torch.arange(4.0), TypeError, "float32"),
        (torch.randn(4, 10), torch.arange(4)[:, None], ValueError, "shape"),
        (torch.randn(4, 10), -torch.arange(4), ValueError, "holds -3"),
        (torch.randn(4, 9), torch.arange(4), ValueError, r"num_neurons=10 does not fit .*\(4, 9\)"),
        (torch.randn(10), torch.arange(10), ValueError, "does not fit"),
    ],
)
def test_bad_input(x, row_index, error, message):
    with pytest.raises(error, match=message):
        FairDropout(10, 0.3, 0.4)(x, row_index)
