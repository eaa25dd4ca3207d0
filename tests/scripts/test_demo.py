import json

import pytest
from command_line import run_script


@pytest.mark.slow
def test_demo_runs_resumes_and_shows_an_honest_table(tmp_path):
    first = run_script("--output_dir", tmp_path / "demo", "--num_train_epochs", "1", script="demo.py")
    assert first.returncode == 0, first.stderr[-3000:]
    report = (tmp_path / "demo" / "report.md").read_text()
    assert all(f"| {name} |" in report for name in ("ERM", "FairDropout", "rate-matched dropout"))
    assert (tmp_path / "demo" / "worst_group.png").stat().st_size > 5000
    tests = []
    for seed in range(3):
        lines = (tmp_path / "demo" / "erm" / f"seed{seed}" / "metrics.jsonl").read_text().splitlines()
        tests.append(json.loads(lines[-1])["average_accuracy"])
    assert f"{100 * sum(tests) / 3:.1f} ±" in report
    again = run_script("--output_dir", tmp_path / "demo", "--num_train_epochs", "1", script="demo.py")
    assert (tmp_path / "demo" / "report.md").read_text() == report, again.stderr
    other = run_script("--output_dir", tmp_path / "demo", "--num_train_epochs", "2", script="demo.py")
    assert "other settings" in other.stderr
