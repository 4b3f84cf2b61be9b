"""A training by hand in the list of jobs: of the registry that its tagger goes into, with where it runs."""

import os
from pathlib import Path

import pytest
from sqlalchemy import delete

from components.pace import tell_where
from components.registry import Registry
from components.registry.job import Job
from components.registry.jobs import Jobs
from components.registry.tables import JobRow
from tests.fixtures.running import until
from timbre import record
from timbre.record import recorded

RUN = "https://kubeflow.example.org/pipeline/#/runs/details/7d2c"


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> str:
    """The registry of this process, in a folder of its own; the URL of another."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path / 'here.db'}")
    monkeypatch.delenv("TIMBRE_JOB", raising=False)
    monkeypatch.delenv("TIMBRE_PROGRESS", raising=False)
    return f"sqlite:///{tmp_path / 'there.db'}"


def jobs(url: str | None = None) -> list[Job]:
    return list(Jobs(Registry(url).database).list().items)


def test_it_is_in_the_list_of_the_registry_that_the_tagger_goes_into(here: str):
    with recorded("music", here) as record:
        (job,) = jobs(here)
        assert (job.id, job.state, job.config, job.by_hand) == (record.job_id, "running", "music", True)
        tell_where(RUN)
    (job,) = jobs(here)
    assert (job.state, job.run, job.error) == ("succeeded", RUN, None)
    assert jobs() == []


def test_ctrl_c_ends_the_waiting_and_says_where_the_run_is(here: str):
    def stopped() -> None:
        with recorded("music", here):
            tell_where(RUN)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    (job,) = jobs(here)
    said = "nobody waits for it any more: it goes on where `run` says, unless it is ended there"
    assert (job.state, job.run, job.error) == ("cancelled", RUN, said)


def test_ctrl_c_on_a_training_of_this_process_has_nothing_to_say():
    with pytest.raises(KeyboardInterrupt), recorded("music"):
        raise KeyboardInterrupt
    (job,) = jobs()
    assert (job.state, job.run, job.error) == ("cancelled", None, None)


def test_what_nobody_follows_is_not_in_the_list(here: str):
    with recorded("music", here, followed=False) as record:
        tell_where(RUN)
    assert record.job_id is None
    assert not (Path("there.db").exists())


@pytest.mark.parametrize("beat_s", [0.2, 60.0], ids=["heard of again", "ended meanwhile"])
def test_a_training_that_was_suspended_is_what_it_became(monkeypatch: pytest.MonkeyPatch, beat_s: float):
    monkeypatch.setattr(record, "LEASE_S", 0.02)
    monkeypatch.setattr(record, "BEAT_S", beat_s)
    with recorded("music"):
        until(lambda: jobs()[0].state == "failed", 10)
        monkeypatch.setattr(record, "LEASE_S", 60.0)
        if beat_s < 1:
            until(lambda: jobs()[0].state == "running", 10)
    (job,) = jobs()
    assert (job.state, job.error) == ("succeeded", None)


def test_a_training_whose_progress_cannot_be_kept_goes_on(caplog: pytest.LogCaptureFixture):
    Path(".timbre").mkdir()
    Path(".timbre/jobs").touch()
    with recorded("music") as entered:
        assert (entered.job_id, "TIMBRE_PROGRESS" in os.environ) == (None, False)
    (job,) = jobs()
    assert (job.state, job.error) == ("failed", "it goes on, and cannot be followed: Not a directory")
    assert "nobody can follow this training" in caplog.text


def test_a_job_that_the_registry_lost_is_said(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(record, "BEAT_S", 0.05)
    with recorded("music") as entered:
        with Registry().database.write() as session:
            session.execute(delete(JobRow))
        until(lambda: f"job {entered.job_id}: the lease" in caplog.text, 10)
    assert f"the registry cannot be told that job {entered.job_id} is succeeded: the lease" in caplog.text
    assert jobs() == []
