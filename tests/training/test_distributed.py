import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parent.parent
SCRIPT = str(TESTS / "two_processes.py")


def result(command, folder, batch_size):
    environment = {**os.environ, "PYTHONPATH": str(TESTS), "OMP_NUM_THREADS": "1"}
    done = subprocess.run([*command, SCRIPT, str(folder), str(batch_size)], env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(done.stdout.partition("RESULT ")[2].splitlines()[0])


def test_two_processes_agree_with_one(tmp_path):
    """The gradient norm of 8 rows, and every metric of 21 rows (an odd number: the sampler repeats one, the metrics must not)."""
    one = result([sys.executable], tmp_path / "one", 8)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc_per_node", "2", "--master_port", "29611"]
    two = result(torchrun, tmp_path / "two", 4)
    assert (one["world"], two["world"]) == (1, 2)
    for name, norm in one["norms"].items():
        assert two["norms"][name] == pytest.approx(norm, rel=1e-5), name
    assert two["metrics"] == pytest.approx(one["metrics"])
    assert len((tmp_path / "two" / "metrics" / "metrics.jsonl").read_text().splitlines()) == 2
