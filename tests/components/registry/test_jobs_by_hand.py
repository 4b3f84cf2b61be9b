"""Trainings by hand among the jobs: never queued, and given up only until they are heard of again."""

import time

import pytest

from components.registry import Card, Registry
from components.registry.errors import LostLease
from components.registry.job import Job, Pulse
from components.registry.jobs import Jobs

from .conftest import TaggerMaker, yes

LONG_S, SHORT_S = 60.0, 0.02
pytestmark = pytest.mark.usefixtures("configs")


def test_a_training_by_hand_is_never_queued(jobs: Jobs) -> None:
    job = jobs.begin("tones", "ann", LONG_S)
    assert (job.state, job.by_hand, job.attempts) == ("running", True, 1)
    assert jobs.lease("w", LONG_S) is None
    assert jobs.finish(job.token, "cancelled").state == "cancelled"
    killed = jobs.begin("tones", "ann", SHORT_S)
    time.sleep(3 * SHORT_S)
    job = jobs.get(killed.id)
    assert (job.state, job.error) == ("failed", "nothing is heard of its process: it was killed or suspended, or its machine went away")


def suspended(jobs: Jobs) -> Job:
    """A training by hand that was given up, as it had not been heard of for too long."""
    job = jobs.begin("tones", "ann", SHORT_S)
    time.sleep(3 * SHORT_S)
    assert jobs.lease("w", LONG_S) is None
    assert (jobs.get(job.id).state, jobs.get(job.id).finished_at is None) == ("failed", False)
    return job


def test_a_training_by_hand_that_was_suspended_goes_on(jobs: Jobs, registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    job = suspended(jobs)
    again = jobs.heartbeat(job.token, LONG_S, Pulse(step=3))
    assert (again.state, again.error, again.finished_at, again.step) == ("running", None, None, 3)
    assert (jobs.lease("w", LONG_S), jobs.get(job.id).state) == (None, "running")
    assert jobs.cancel(job.id, "bob").state == "running"
    assert jobs.heartbeat(job.token, LONG_S).cancel_requested
    assert jobs.finish(job.token, "cancelled").state == "cancelled"
    with pytest.raises(LostLease):
        jobs.heartbeat(job.token, LONG_S)
    said = [(entry.who, entry.action) for entry in reversed(registry.audit())]
    assert said[:3] == [("ann", "job submitted"), ("timbre", "job finished"), ("ann", "job goes on")]

    job = suspended(jobs)
    model = registry.register(make_tagger(), card, yes, who="ann", training_job_id=job.id)
    jobs.finish(job.token, "succeeded", model_id=model.id)
    done = jobs.get(job.id)
    assert (done.state, done.model_id, done.error) == ("succeeded", model.id, None)


def test_a_training_by_hand_that_was_cancelled_while_suspended_is_told(jobs: Jobs) -> None:
    job = jobs.begin("tones", "ann", SHORT_S)
    time.sleep(3 * SHORT_S)
    assert jobs.cancel(job.id, "bob").state == "cancelled"
    assert jobs.heartbeat(job.token, LONG_S).cancel_requested
    assert jobs.finish(job.token, "cancelled").state == "cancelled"


def test_of_a_run_elsewhere_nobody_knows_that_it_died(jobs: Jobs) -> None:
    followed = jobs.begin("tones", "ann", LONG_S)
    jobs.heartbeat(followed.token, SHORT_S, Pulse(run="https://kubeflow.example.org/#/runs/details/1"))
    time.sleep(3 * SHORT_S)
    job = jobs.get(followed.id)
    assert job.state == "failed"
    assert job.error.endswith("the run that it waited for may go on where `run` says")
    assert jobs.lease("w", LONG_S) is None
