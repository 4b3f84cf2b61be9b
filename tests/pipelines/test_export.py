"""Which run's metrics and report stand in the working folder."""

import pytest

from tests.pipelines.conftest import Project

pytestmark = pytest.mark.slow
TWO_RUNS = """
from pathlib import Path
from components.config import load_config
from components.errors import TimbreError
from pipelines.training import training

files = [Path(name) for name in ("metrics.json", "report.html")]
training(config=load_config("configs/sample.yaml"))
print([file.exists() for file in files])
for file in files:
    file.unlink()
for clip in Path("data/train").rglob("*.wav"):
    clip.write_bytes(b"no audio")
try:
    training(config=load_config("configs/sample.yaml"))
except TimbreError as error:
    print([file.exists() for file in files])
"""


def test_a_run_that_fails_leaves_nothing_of_an_earlier_one(project: Project) -> None:
    said = [line for line in project.python(TWO_RUNS).splitlines() if line.startswith("[")]  # ZenML says more
    assert said == ["[True, True]", "[False, False]"]
