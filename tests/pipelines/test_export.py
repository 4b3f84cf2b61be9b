"""Which run's metrics and report stand in the working folder."""

import sys
from dataclasses import replace

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

AT_ONCE = """
import subprocess, sys
from pathlib import Path
from typing import Annotated
from zenml import pipeline, step
from pipelines.export import export_own

@step
def evaluate(who: str) -> tuple[Annotated[Path, "evaluation"], Annotated[str, "judged_report"]]:
    evaluation = Path("evaluation")
    (evaluation / "plots").mkdir(parents=True)
    (evaluation / "plots" / "roc.csv").write_text(who)
    (evaluation / "metrics.json").write_text(who)
    return evaluation, who

@step
def register(who: str, evaluation: Path) -> None:
    if who == "ours":
        subprocess.run([sys.executable, "-W", "ignore", __file__, "theirs"], cwd=Path("../theirs"), check=True)

@pipeline(name="training", on_cleanup=export_own, enable_cache=False)
def training(who: str) -> None:
    evaluation, _ = evaluate(who)
    register(who, evaluation)

if __name__ == "__main__":
    training(who=sys.argv[1])
"""


def test_a_run_that_fails_leaves_nothing_of_an_earlier_one(project: Project) -> None:
    said = [line for line in project.python(TWO_RUNS).splitlines() if line.startswith("[")]  # ZenML says more
    assert said == ["[True, True]", "[False, False]"]


def test_of_two_runs_at_once_each_leaves_its_own(bare_project: Project) -> None:
    """Theirs begins while ours registers, which comes last, and is the newest when ours ends."""
    script, folders = bare_project.folder / "at_once.py", [bare_project.folder / who for who in ("ours", "theirs")]
    script.write_text(AT_ONCE)
    for folder in folders:
        folder.mkdir()
    ours = replace(bare_project, folder=folders[0])
    ours.run(sys.executable, "-W", "ignore", str(script), "ours")
    for folder in folders:
        assert {(folder / name).read_text() for name in ("metrics.json", "plots/roc.csv", "report.html")} == {folder.name}
