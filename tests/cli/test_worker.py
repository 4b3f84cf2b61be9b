"""What a worker makes of a training that ends otherwise than it should; real trainings are in tests/pipelines/test_worker.py."""

import errno
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.registry import Registry
from components.registry.job import Job
from components.registry.jobs import Jobs
from timbre import worker
from timbre.job_folder import JobFolder
from timbre.pacing import Pacing
from timbre.worker import Worker


@pytest.fixture
def jobs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Jobs]:
    """The queue of a working folder with one configuration."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIMBRE_CONFIGS", raising=False)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tones.yaml").write_text("name: tones\n")
    with Registry(f"sqlite:///{tmp_path / 'timbre.db'}", tmp_path / "models") as registry:
        yield Jobs(registry.database)


@pytest.fixture
def trainings(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Has trainings do something before the worker first looks at them, live for some heartbeats, and end with a code."""

    def become(code: int, meanwhile: Callable[[Job, JobFolder], object], beats: int = 0) -> None:
        class Training:
            outlived = False

            def __init__(self, job: Job, _config: Path, folder: JobFolder, _until: float) -> None:
                self.code, self._beats = code, beats
                folder.make()
                assert folder.pace_file.name == "pace-0000.json"
                meanwhile(job, folder)

            def wait(self, *_: object) -> int | None:
                self._beats -= 1
                return None if self._beats >= 0 else self.code

            def let_live(self, until: float) -> None: ...

            def kill(self) -> None: ...

        monkeypatch.setattr(worker, "Child", Training)

    return become


def work(jobs: Jobs) -> Job:
    """A job, after a worker has worked it off."""
    asked = jobs.submit("tones", [], "ann")
    Worker(jobs, Pacing(poll_s=0.05)).run(once=True)
    return jobs.get(asked.id)


def test_a_training_that_fails_as_it_was_cancelled_is_cancelled(
    jobs: Jobs, trainings: Callable[..., None], caplog: pytest.LogCaptureFixture
) -> None:
    trainings(2, lambda job, _: jobs.cancel(job.id, "bob"))
    with caplog.at_level(logging.INFO):
        job = work(jobs)
    assert (job.state, job.error, job.attempts) == ("cancelled", None, 1)
    assert f"job {job.id}: cancelled" in caplog.text


def test_a_training_that_fails_says_how_it_ended(jobs: Jobs, trainings: Callable[..., None]) -> None:
    trainings(-9, lambda *_: None)
    job = work(jobs)
    assert (job.state, job.error) == ("failed", "the training was ended by signal 9 and did not say why: see the end of its log")


def test_a_job_whose_files_have_no_place_fails_and_says_so(jobs: Jobs, tmp_path: Path) -> None:
    (tmp_path / ".timbre").mkdir()
    (tmp_path / ".timbre" / "jobs").touch()
    job = work(jobs)
    said = f"the training cannot be begun: Not a directory at …/{job.id}; see its worker's disk, and who may write there"
    assert (job.state, job.attempts, job.error) == ("failed", 1, said)


def test_a_full_disk_ends_no_worker(jobs: Jobs, monkeypatch: pytest.MonkeyPatch) -> None:
    mkdir = Path.mkdir

    def full(path: Path, *given: Any, **named: Any) -> None:
        if "jobs" in path.parts:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        mkdir(path, *given, **named)

    monkeypatch.setattr(Path, "mkdir", full)
    job = work(jobs)
    assert job.state == "failed"
    assert job.error.startswith("the training cannot be begun: No space left on device at …/")


def test_files_that_cannot_be_read_end_no_worker(jobs: Jobs, trainings: Callable[..., None]) -> None:
    trainings(0, lambda _, folder: [file.mkdir() for file in (folder.pace_file, folder.log)], beats=1)
    assert work(jobs).state == "succeeded"
