"""Every test runs offline, quietly, and from the same random state."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import datasets
import pytest
import torch
import transformers


@pytest.fixture(autouse=True)
def seeded():
    transformers.set_seed(0)


def pytest_configure():
    transformers.utils.logging.disable_progress_bar()
    datasets.disable_progress_bars()
    torch.set_num_threads(2)
