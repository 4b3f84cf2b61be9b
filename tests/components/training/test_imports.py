"""What a training does not load: seconds of each, for nothing."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_it_brings_no_transformers() -> None:
    program = "import sys, components.training.lightning_import; print('transformers' in sys.modules); import transformers"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]


@pytest.mark.slow
def test_making_an_optimizer_brings_no_compiler() -> None:
    program = """
import sys, torch
from components.training.optimizers import OPTIMIZERS
for make in OPTIMIZERS.values():
    make([{"params": [torch.nn.Parameter(torch.ones(1))]}], lr=0.1)
print("torch._dynamo" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
