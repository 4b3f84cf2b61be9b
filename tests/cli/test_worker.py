"""What a worker makes of a training that ends otherwise than it should; real trainings are in tests/pipelines/test_worker.py."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.registry import Registry
from components.registry.job import Job
from components.registry.jobs import Jobs
from timbre import worker
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
    """Has trainings do something before the worker first looks at them, and end with a code."""

    def become(code: int, meanwhile: Callable[[Job], object]) -> None:
        class Training:
            outlived = False

            def __init__(self, job: Job, *_: object) -> None:
                self.code, self._job = code, job

            def wait(self, *_: object) -> int:
                meanwhile(self._job)
                return self.code

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
    trainings(2, lambda job: jobs.cancel(job.id, "bob"))
    with caplog.at_level(logging.INFO):
        job = work(jobs)
    assert (job.state, job.error, job.attempts) == ("cancelled", None, 1)
    assert f"job {job.id}: cancelled" in caplog.text


def test_a_training_that_fails_says_how_it_ended(jobs: Jobs, trainings: Callable[..., None]) -> None:
    trainings(-9, lambda job: None)
    job = work(jobs)
    assert (job.state, job.error) == ("failed", "the training was ended by signal 9 and did not say why: see the end of its log")
