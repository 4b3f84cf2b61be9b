"""What tests/conftest.py refuses to collect."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.fixtures.pages import ROOT

TWICE = """
import pytest


def pytest_pycollect_makeitem(collector, name):
    if name == "test_one":
        return [pytest.Function.from_parent(collector, name=name) for _ in range(2)]
"""


@pytest.mark.parametrize(("conftest", "flags", "refused"), [(TWICE, ["-n", "1"], True), ("", ["-n", "1"], False), (TWICE, [], False)])
def test_tests_that_share_a_name_are_not_left_out_in_silence(tmp_path: Path, conftest: str, flags: list[str], refused: bool):
    (tmp_path / "test_them.py").write_text("def test_one(): pass\ndef test_other(): pass\n")
    (tmp_path / "conftest.py").write_text(conftest)
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", *flags]
    done = subprocess.run(command, cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, timeout=120)
    assert done.returncode == refused, done.stdout + done.stderr
    assert ("xdist would run one test alone of those named test_them.py::test_one" if refused else " passed in ") in done.stdout
