import subprocess
import sys
from itertools import product

import numpy as np
import oracles
import pytest
import torch
from scipy.stats import chisquare, hypergeom

from hf_fairdropout import example_tied_mask
from hf_fairdropout.masks import neuron_counts

LARGEST = 2**63 - 1

GOLDEN = {
    (0, 0, 0): "1110001001100000",
    (1, 0, 0): "1110000101010000",
    (12345, 0, 0): "1110000001010001",
    (2**32, 0, 0): "1110000100101000",
    (LARGEST, 0, 0): "1110100001100000",
    (12345, 7, 0): "1111100000010000",
    (12345, 0, 3): "1110000010110000",
}


def as_text(mask):
    return "".join("1" if value else "0" for value in mask)


@pytest.mark.parametrize(("key", "golden"), GOLDEN.items())
def test_golden_values(key, golden):
    row, seed, position = key
    mask = example_tied_mask(torch.tensor([row]), 16, p_gen=0.2, p_mem=0.25, seed=seed, position=position)
    assert as_text(mask[0]) == golden


@pytest.mark.parametrize("seed", [0, 1, 2**40 + 3, -5])
def test_equals_naive_loop(seed):
    rows = [0, 1, 2, 99, 2**31, 2**32 - 1, 2**32, 2**40 + 17, LARGEST]
    for p_gen, p_mem, position in product([0.0, 0.3, 0.95], [0.02, 0.5], [0, 4]):
        mask = example_tied_mask(torch.tensor(rows), 37, p_gen, p_mem, seed=seed, position=position)
        assert mask.tolist() == [oracles.naive_mask(row, 37, p_gen, p_mem, seed, position) for row in rows]


@pytest.mark.parametrize(
    ("p_gen", "p_mem", "expected"),
    [(1, 0.3, (10, 0)), (0.2, 0, (2, 0)), (0.2, 1, (2, 8)), (0.2, 0.01, (2, 1)), (0, 0.5, (0, 5)), (0.25, 0.5, (2, 4)), (0, 0, (0, 0))],
)
def test_counts_by_hand(p_gen, p_mem, expected):
    assert neuron_counts(10, p_gen, p_mem) == expected
    mask = example_tied_mask(torch.arange(50), 10, p_gen, p_mem)
    assert (mask[:, : expected[0]]).all()
    assert (mask[:, expected[0] :].sum(1) == expected[1]).all()


def test_batch_of_none_and_one():
    assert example_tied_mask(torch.zeros(0, dtype=torch.int64), 8, 0.5, 0.5).shape == (0, 8)
    assert example_tied_mask(torch.tensor([3]), 1, 0.0, 0.5).tolist() == [[True]]


def test_same_row_same_mask_wherever_it_stands():
    rows = torch.randperm(500)
    masks = example_tied_mask(rows, 64, 0.2, 0.1)
    for row in (0, 250, 499):
        alone = example_tied_mask(torch.tensor([row]), 64, 0.2, 0.1)
        assert torch.equal(masks[(rows == row).nonzero()[0, 0]], alone[0])
    assert torch.equal(masks, example_tied_mask(rows.to(torch.int32), 64, 0.2, 0.1))


def test_leaves_random_state_alone():
    state = torch.get_rng_state()
    example_tied_mask(torch.arange(10), 64, 0.2, 0.1)
    assert torch.equal(state, torch.get_rng_state())


def test_compiled_equals_eager_at_the_extremes():
    rows = torch.tensor([0, 1, 2**32 - 1, 2**32, LARGEST])
    compiled = torch.compile(example_tied_mask, fullgraph=True)
    for allocation in ("fixed", "bernoulli"):
        eager = example_tied_mask(rows, 300, 0.2, 0.1, allocation=allocation)
        assert torch.equal(compiled(rows, 300, 0.2, 0.1, allocation=allocation), eager)


def test_another_process_agrees():
    code = "import torch, hf_fairdropout as f; print(f.example_tied_mask(torch.arange(40), 30, .2, .2, seed=5, position=1).int().tolist())"
    other = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert other.strip() == str(example_tied_mask(torch.arange(40), 30, 0.2, 0.2, seed=5, position=1).int().tolist())


def test_marginals_are_uniform():
    mask = example_tied_mask(torch.arange(20_000), 100, 0.2, 0.1)[:, 20:]
    assert (mask.sum(1) == 8).all()
    # With 8 of 80 drawn without replacement the counts vary by (1 - 8/80) of a multinomial's variance: the test is a little conservative.
    assert chisquare(mask.sum(0).numpy()).pvalue > 0.001


@pytest.mark.parametrize("rows", [torch.arange(20_000), torch.arange(20_000) * 2**33 + 1, torch.arange(20_000) * 1024])
def test_no_repeated_masks(rows):
    mask = example_tied_mask(rows, 1024, 0.2, 0.1)
    assert len(torch.unique(mask, dim=0)) == 20_000


@pytest.mark.parametrize("shift", [1, 2, 1024, 2**32])
def test_pair_overlaps_are_hypergeometric(shift):
    n_mem, own = 160, 16
    rows = torch.arange(20_000)
    first = example_tied_mask(rows * 3, 200, 0.2, 0.1)[:, 40:]
    second = example_tied_mask(rows * 3 + shift, 200, 0.2, 0.1)[:, 40:]
    check_overlaps(first, second, n_mem, own)


def test_positions_and_seeds_are_independent():
    rows = torch.arange(20_000)
    plain = example_tied_mask(rows, 200, 0.2, 0.1)[:, 40:]
    check_overlaps(plain, example_tied_mask(rows, 200, 0.2, 0.1, position=1)[:, 40:], 160, 16)
    check_overlaps(plain, example_tied_mask(rows, 200, 0.2, 0.1, seed=1)[:, 40:], 160, 16)


def check_overlaps(first, second, n_mem, own):
    overlaps = (first & second).sum(1).numpy()
    expected = hypergeom(n_mem, own, own)
    bins = [(0, 0), (1, 1), (2, 2), (3, 3), (4, own)]
    observed = [((overlaps >= low) & (overlaps <= high)).sum() for low, high in bins]
    shares = np.array([expected.cdf(high) - expected.cdf(low - 1) for low, high in bins])
    assert chisquare(observed, shares / shares.sum() * len(overlaps)).pvalue > 0.001


def test_bernoulli_rate_and_variation():
    counts = example_tied_mask(torch.arange(20_000), 100, 0.0, 0.3, allocation="bernoulli").sum(1).double()
    assert abs(counts.mean().item() - 30) < 4 * (100 * 0.21 / 20_000) ** 0.5
    assert abs(counts.var().item() - 21) < 1.0
    assert example_tied_mask(torch.arange(9), 7, 0.0, 1, allocation="bernoulli").all()
    assert not example_tied_mask(torch.arange(9), 7, 0.0, 0, allocation="bernoulli").any()


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"p_gen": 1.1}, ValueError, "p_gen=1.1"),
        ({"p_gen": -0.1}, ValueError, "p_gen=-0.1"),
        ({"p_mem": float("nan")}, ValueError, "p_mem=nan"),
        ({"p_mem": "0.2"}, ValueError, "p_mem='0.2'"),
        ({"p_gen": True}, ValueError, "p_gen=True"),
        ({"num_neurons": 0}, ValueError, "num_neurons=0"),
        ({"allocation": "some"}, ValueError, "allocation='some'"),
        ({"row_index": torch.tensor([0.0])}, TypeError, "float32"),
        ({"row_index": torch.tensor([True])}, TypeError, "bool"),
        ({"row_index": [1, 2]}, TypeError, "list"),
        ({"row_index": torch.tensor([[0]])}, ValueError, r"shape \(1, 1\)"),
        ({"row_index": torch.tensor([3, -1])}, ValueError, "holds -1"),
    ],
)
def test_bad_input(change, error, message):
    arguments = {"row_index": torch.arange(2), "num_neurons": 8, "p_gen": 0.2, "p_mem": 0.2, **change}
    with pytest.raises(error, match=message):
        example_tied_mask(**arguments)
