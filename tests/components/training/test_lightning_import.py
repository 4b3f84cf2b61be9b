"""What comes with Lightning, and what does not."""

import subprocess
import sys

import pytest


@pytest.mark.slow
def test_it_brings_no_transformers() -> None:
    program = "import sys, components.training.lightning_import; print('transformers' in sys.modules); import transformers"
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"]
