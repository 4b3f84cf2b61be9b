"""Ctrl+C, sent to the command as a terminal would, in each phase of a real run; and a disk that fills up."""

import os
import re
import signal
import subprocess
from pathlib import Path

import pytest

from tests.fixtures.disks import small_disk
from tests.pipelines.conftest import Project

pytestmark = pytest.mark.slow
ENDLESS = ("training.max_steps=1000000", "training.epochs=1000000", "training.val_every_steps=20")


def train(project: Project, *settings: str) -> list[str]:
    return ["timbre", "train", *(word for setting in ("gate.min_f1=0", *settings) for word in ("--set", setting))]


def interrupted(project: Project, command: list[str], when: str, number: int = signal.SIGINT) -> tuple[int, str]:
    """Exit code and all output of a command that gets one signal as soon as it says what matches `when`."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
    said, pressed = [], False
    with subprocess.Popen(command, cwd=project.folder, env=project.environment, text=True, start_new_session=True, **pipes) as process:
        for line in process.stdout:
            said.append(line)
            if not pressed and re.search(when, line):
                os.killpg(process.pid, number)  # a terminal sends it to the whole group
                pressed = True
    assert pressed, "".join(said)
    return process.returncode, "".join(said)


@pytest.mark.parametrize(("step", "rate"), [("validate", 16000), ("featurize", 24000)])  # each has a store of its own to fill
def test_before_training_it_stops_with_130_and_the_next_run_is_whole(project: Project, step: str, rate: int) -> None:
    command = train(project, f"audio.sample_rate={rate}")
    code, said = interrupted(project, command, rf"Step \S*{step}\S* has started")
    assert code == 130, said
    assert "Traceback" not in said
    assert "stopped by Ctrl+C" in said
    again = project.run(*command)
    assert "production, latest" in again.stdout


def test_in_training_it_ends_with_the_best_so_far_and_is_no_result_to_reuse(project: Project) -> None:
    command = train(project, "name=stopped", *ENDLESS)
    for _ in range(2):  # the second waits for a line of the training itself, which a cached step would not print
        code, said = interrupted(project, command, r"step \d+ of 1,?000,?000")
        assert code == 0, said
        assert "keeping the best so far" in said
        assert "stopped by hand before its 1,000,000 steps" in (project.folder / "report.html").read_text()
    assert "stopped@" in project.run("timbre", "models", "list").stdout


def test_stopped_while_its_tagger_is_exported_it_has_none(project: Project) -> None:
    command = train(project, "name=exported", "training.engine=auto")
    code, said = interrupted(project, command, "kept the weights", signal.SIGTERM)
    assert code == 143, said
    assert "stopped by a signal; what was finished is kept" in said
    assert "Traceback" not in said
    assert "exported@" not in project.run("timbre", "models", "list").stdout
    code, said = interrupted(project, command, "kept the weights")
    assert code == 0, said
    assert "the training has ended, and its tagger is finished; press Ctrl+C again" in said


def test_a_full_disk_is_one_sentence_and_a_freed_one_goes_on(project: Project, tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", mebibytes=4) as disk:  # the store needs 2.4 MB
        ballast = disk / "ballast"
        ballast.write_bytes(bytes(3 * 2**20))
        small = Project(project.folder, {**project.environment, "TIMBRE_STORE": str(disk / "store")})
        full = small.run(*train(small), check=False)
        assert full.returncode == 2, full.stdout + full.stderr
        assert "Traceback" not in full.stdout + full.stderr
        assert full.stderr.strip().splitlines()[-1].startswith("timbre: no space is left for the store at")
        ballast.unlink()
        assert digest(small.run(*train(small)).stdout) == digest(project.run(*train(project)).stdout)


def digest(said: str) -> str:
    return re.search(r"sha256 (\w{64})", said)[1]
