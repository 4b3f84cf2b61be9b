"""What starts without torch: it takes seconds and 200 MB."""

import subprocess
import sys

import pytest


@pytest.mark.parametrize("module", ["bentos.service", "components.monitoring.look", "components.tagger.folder"])
def test_no_torch(module: str) -> None:
    code = f"import sys, {module}; print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "False"
