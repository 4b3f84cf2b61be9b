"""Real workers and real trainings: from the queue to a registered tagger, and what a kill, a stop or a cancellation leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from components.registry import Registry
from components.registry.job import Job
from components.registry.jobs import Jobs
from tests.fixtures.running import until as wait_until
from tests.pipelines.conftest import Project

pytestmark = pytest.mark.slow
ENDLESS = ["training.max_steps=1000000", "training.epochs=1000000", "training.val_every_steps=20", "gate.min_f1=0"]
WORKER = [sys.executable, "-m", "timbre", "worker", "--once", "--poll", "0.2"]
PATIENCE_S = 300


@pytest.fixture
def jobs(project: Project) -> Iterator[Jobs]:
    with Registry(f"sqlite:///{project.folder}/.timbre/timbre.db", project.folder / ".timbre" / "models") as registry:
        yield Jobs(registry.database)


def submit(project: Project, jobs: Jobs, *overrides: str) -> Job:
    return jobs.submit("sample", overrides, "ann", folder=project.folder / "configs")


def start(project: Project, lease_s: float = 6) -> subprocess.Popen[str]:
    """A worker that works until the queue is empty."""
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen([*WORKER, "--lease", str(lease_s)], cwd=project.folder, env=project.environment, **pipes)


def until(jobs: Jobs, job: Job, worker: subprocess.Popen[str], true: Callable[[Job], bool]) -> Job:
    """The job, once it is so."""
    ends = time.monotonic() + PATIENCE_S
    while not true(found := jobs.get(job.id)):
        assert worker.poll() is None, worker.stderr.read()
        assert time.monotonic() < ends, found
        time.sleep(0.1)
    return found


def trains(job: Job) -> bool:
    """Whether there is a checkpoint to go on from."""
    return (job.step or 0) > 20


def models_of(project: Project, job: Job) -> list[str]:
    """Keys of the models that name the job."""
    with Registry(f"sqlite:///{project.folder}/.timbre/timbre.db", project.folder / ".timbre" / "models") as registry:
        return [model.key for model in registry.list().items if model.training_job_id == job.id]


def trainings(job: Job) -> list[int]:
    """Ids of the processes that train for the job."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            dead = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
            if f"TIMBRE_JOB={job.id}".encode() in (folder / "environ").read_bytes() and not dead:
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def finish(worker: subprocess.Popen[str]) -> str:
    said = worker.communicate(timeout=PATIENCE_S)[1]
    assert worker.returncode == 0, said
    return said


def test_a_job_becomes_a_model_and_a_bad_one_fails_with_its_sentence(project: Project, jobs: Jobs) -> None:
    good = submit(project, jobs, "training.quick=true", "name=queued")
    bad = submit(project, jobs, "model.name=NO_SUCH_MODEL")
    said = finish(start(project))
    done = jobs.get(good.id)
    assert (done.state, done.attempts, done.step, done.steps, done.error) == ("succeeded", 1, 4, 4, None), said
    assert 1 <= done.epoch <= done.epochs
    assert set(done.metrics) == {"train_loss", "val_f1", "val_map", "lr"}
    assert models_of(project, good) == [done.model]
    assert re.fullmatch(r"[\d-]+_queued", done.run)
    assert "queued@" in done.log_tail
    assert str(project.folder) not in str(done.as_json())
    failed = jobs.get(bad.id)
    assert (failed.state, failed.model) == ("failed", None)
    assert "NO_SUCH_MODEL" in failed.error


def test_a_training_by_hand_is_a_job(project: Project, jobs: Jobs) -> None:
    project.run("timbre", "train", "--quick", "--name", "handmade")
    job = jobs.list().items[0]
    assert (job.state, job.config, job.by_hand, job.step, job.steps) == ("succeeded", "sample", True, 4, 4)
    assert models_of(project, job) == [job.model]
    assert "step 4" in job.log_tail
    away = {**project.environment, "TIMBRE_DATABASE_URL": "postgresql://ann@127.0.0.1:1/timbre"}
    failed = Project(project.folder, away).run("timbre", "train", "--quick", check=False)
    assert failed.returncode == 2
    assert failed.stderr.strip().splitlines()[-1].startswith("timbre: cannot use the database postgresql://ann@127.0.0.1:1/timbre")
    assert "step 4" in failed.stdout + failed.stderr


def test_after_a_kill_another_worker_goes_on(project: Project, jobs: Jobs) -> None:
    job = submit(project, jobs, "training.max_steps=600", "training.val_every_steps=20", "gate.min_f1=0", "name=killed")
    first = start(project, lease_s=15)  # so much of it is left after the kill that its training has ended before
    until(jobs, job, first, trains)
    assert len(trainings(job)) == 1
    first.kill()
    first.communicate()
    wait_until(lambda: not trainings(job))
    assert jobs.get(job.id).state == "running"
    assert jobs.lease("too early", 1.0) is None
    wait_until(lambda: jobs.get(job.id).lease_until < datetime.now(UTC))
    said = finish(start(project))
    done = jobs.get(job.id)
    assert (done.state, done.attempts, done.step) == ("succeeded", 2, 600), said + done.log_tail
    assert models_of(project, job) == [done.model]
    assert int(re.search(r"resumed after step (\d+) of 600", (project.folder / ".timbre/jobs" / job.id / "log.txt").read_text())[1]) >= 20


def test_a_cancelled_training_stops_and_registers_nothing(project: Project, jobs: Jobs) -> None:
    job = submit(project, jobs, *ENDLESS, "name=cancelled")
    worker = start(project)
    until(jobs, job, worker, trains)
    jobs.cancel(job.id, "bob")
    finish(worker)
    assert (jobs.get(job.id).state, models_of(project, job), trainings(job)) == ("cancelled", [], [])


def test_a_worker_that_is_asked_to_stop_gives_its_job_back(project: Project, jobs: Jobs) -> None:
    job = submit(project, jobs, *ENDLESS, "name=given-back")
    worker = start(project)
    until(jobs, job, worker, trains)
    os.kill(worker.pid, signal.SIGTERM)
    finish(worker)
    found = jobs.get(job.id)
    assert (found.state, found.attempts, trainings(job)) == ("queued", 0, [])
    jobs.cancel(job.id, "ann")


def test_a_training_by_hand_is_cancelled_like_any_other(project: Project, jobs: Jobs) -> None:
    settings = [word for text in ENDLESS for word in ("--set", text)]
    pipes = {"stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-m", "timbre", "train", "--name", "by-hand", *settings]
    with subprocess.Popen(command, cwd=project.folder, env=project.environment, **pipes) as training:
        ends = time.monotonic() + PATIENCE_S
        while not (running := jobs.list("running").items) and time.monotonic() < ends:
            time.sleep(0.2)
        until(jobs, running[0], training, trains)
        jobs.cancel(running[0].id, "bob")
        said = training.communicate(timeout=PATIENCE_S)[1]
    assert training.returncode == 130, said
    assert "this training was cancelled in the registry" in said
    job = jobs.get(running[0].id)
    assert (job.state, job.by_hand, models_of(project, job)) == ("cancelled", True, [])
