"""The queue of training jobs, on both databases: what is leased to whom, what an old lease may say, and what is told of a job."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from components.errors import ConfigError, RegistryError
from components.registry import Card, Registry
from components.registry.errors import JobCancelled, JobFinished, KeyReused, LostLease, UnknownJob
from components.registry.job import TAIL_CHARACTERS, Job, Pulse
from components.registry.jobs import Jobs
from components.registry.leases import ATTEMPTS
from components.registry.records import Decision, RegisteredModel

from .conftest import TaggerMaker, yes

HOUSE = Path(__file__).parents[3]
LONG_S, SHORT_S = 60.0, 0.02
pytestmark = pytest.mark.usefixtures("configs")


def lost(jobs: Jobs) -> Job:
    """A job whose worker has not been heard of for too long."""
    job = jobs.lease("dead", SHORT_S)
    time.sleep(3 * SHORT_S)
    return job


def test_nothing_of_a_cancelled_job_is_registered(jobs: Jobs, registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    asked = jobs.submit("tones", {}, "ann")
    taken = jobs.lease("w1", LONG_S)

    def cancelled_meanwhile(production: RegisteredModel | None) -> Decision:
        jobs.cancel(asked.id, "bob")
        return yes(production)

    with pytest.raises(JobCancelled, match="was cancelled"):
        registry.register(make_tagger(), card, cancelled_meanwhile, who="ann", training_job_id=asked.id)
    with pytest.raises(JobCancelled, match="was cancelled"):
        registry.register(make_tagger(b"other"), card, yes, who="ann", training_job_id=asked.id)
    assert registry.list().total == 0
    jobs.finish(taken.token, "failed", error="this training job was cancelled: its tagger is not registered")
    job = jobs.get(asked.id)
    assert (job.state, job.error, job.model_id) == ("cancelled", None, None)


def test_a_job_waits_runs_and_succeeds(jobs: Jobs, registry: Registry, make_tagger: TaggerMaker, card: Card) -> None:
    asked = jobs.submit("tones", {"training.lr": 0.5}, "ann")
    assert (asked.state, asked.overrides, asked.owner, asked.attempts) == ("queued", ("training.lr=0.5",), "ann", 0)
    taken = jobs.lease("w1", LONG_S)
    assert (taken.id, taken.state, taken.attempts) == (asked.id, "running", 1)
    told = jobs.heartbeat(taken.token, LONG_S, Pulse(3, 10, 1, 4, {"val_f1": 0.5, "val_map": float("nan")}, "run", "a line\n"))
    assert (told.step, told.steps, told.epoch, told.epochs, told.run, told.log_tail) == (3, 10, 1, 4, "run", "a line\n")
    assert told.metrics == {"val_f1": 0.5, "val_map": None}
    model = registry.register(make_tagger(), card, yes, who="ann", training_job_id=asked.id)
    assert jobs.model_id(model.digest) == model.id
    jobs.finish(taken.token, "succeeded", model_id=model.id)
    done = jobs.get(asked.id)
    assert (done.state, done.model_id, done.model, done.step, done.error) == ("succeeded", model.id, model.key, 3, None)
    assert done.created_at <= done.started_at <= done.finished_at
    assert jobs.lease("w1", LONG_S) is None


def test_what_is_shown_has_no_token_and_no_worker(jobs: Jobs) -> None:
    jobs.submit("tones", [], "ann")
    job = jobs.lease("host:1", LONG_S)
    shown = job.as_json()
    assert job.token not in str(shown)
    assert "host:1" not in str(shown)
    assert set(shown) - set(job.as_json(log=False)) == {"log_tail"}
    assert shown["created_at"].endswith("Z")


def test_the_oldest_is_leased_first(jobs: Jobs) -> None:
    asked = [jobs.submit("tones", [], "ann").id for _ in range(3)]
    assert [jobs.lease("w", LONG_S).id for _ in range(3)] == asked


def test_a_key_again_is_the_same_job(jobs: Jobs) -> None:
    first = jobs.submit("tones", ["training.lr=0.5"], "ann", "k")
    assert jobs.submit("tones", {"training.lr": 0.5}, "ann", "k").id == first.id
    assert jobs.submit("tones", ["training.lr=0.5"], "bob", "k").id != first.id
    assert jobs.submit("tones", ["training.lr=0.5"], "ann").id != first.id
    for other in (("tones", []), ("other", ["training.lr=0.5"])):
        with pytest.raises(KeyReused, match=first.id):
            jobs.submit(*other, "ann", "k")
    with pytest.raises(RegistryError, match="1 to 200 printable"):
        jobs.submit("tones", [], "ann", "")
    assert jobs.list().total == 3


def test_the_same_key_at_once_makes_one_job(jobs: Jobs) -> None:
    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(lambda _: jobs.submit("tones", [], "ann", "k").id, range(8)))
    assert len(ids) == 1
    assert jobs.list().total == 1


@pytest.mark.parametrize(
    "name", ["", "../configs/tones", "/etc/passwd", "missing", "tones.yml", ".tones", "a" * 300, "tones\0", "con\nfigs"]
)
def test_a_configuration_is_a_plain_name(jobs: Jobs, name: str) -> None:
    with pytest.raises(ConfigError, match="choose one of other, tones") as raised:
        jobs.submit(name, [], "ann")
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["training.lr"], "has no value"),
        (["training.lrr=1"], "unknown key training.lrr"),
        ({"training.lr": -1}, "training.lr"),
        (["name=a/b"], "cannot be called"),
        (["training.seed=1"] * 101, "100 overrides"),
        (["name=" + "x" * 5000], "4000 characters"),
        (["name=a\0"], "NUL"),
    ],
)
def test_overrides_are_checked_before_they_are_queued(jobs: Jobs, overrides: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jobs.submit("tones", overrides, "ann")
    assert jobs.list().total == 0


def test_the_caller_may_refuse_a_configuration(jobs: Jobs) -> None:
    seen = []
    jobs.submit("tones", {"training.lr": 0.5}, "ann", check=lambda made, base: seen.append((made.training.lr, base.training.lr)))
    assert seen == [(0.5, 1e-4)]

    def refuse(*_: object) -> None:
        raise ConfigError("not that")

    with pytest.raises(ConfigError, match="not that"):
        jobs.submit("tones", [], "ann", check=refuse)


def test_an_old_lease_has_nothing_to_say(jobs: Jobs) -> None:
    jobs.submit("tones", [], "ann")
    old = lost(jobs)
    new = jobs.lease("w2", LONG_S)
    assert (new.id, new.attempts) == (old.id, 2)
    for word in (
        lambda: jobs.heartbeat(old.token, LONG_S),
        lambda: jobs.finish(old.token, "failed"),
        lambda: jobs.release(old.token),
    ):
        with pytest.raises(LostLease):
            word()
    assert jobs.finish(new.token, "succeeded").state == "succeeded"
    with pytest.raises(LostLease):
        jobs.heartbeat(new.token, LONG_S)


def test_a_lease_that_is_kept_is_nobody_elses(jobs: Jobs) -> None:
    jobs.submit("tones", [], "ann")
    job = jobs.lease("w1", 3.0)
    for _ in range(4):
        time.sleep(1.0)
        jobs.heartbeat(job.token, 3.0)
        assert jobs.lease("w2", LONG_S) is None


def test_a_job_that_kills_its_workers_fails(jobs: Jobs) -> None:
    asked = jobs.submit("tones", [], "ann")
    for attempt in range(1, ATTEMPTS + 1):
        assert lost(jobs).attempts == attempt
    assert jobs.lease("w", LONG_S) is None
    job = jobs.get(asked.id)
    assert (job.state, job.attempts) == ("failed", 3)
    assert job.error == "its worker died 3 times before it was done: see its log, and submit it again when that is mended"


def test_a_job_that_is_given_back_counts_as_not_taken(jobs: Jobs) -> None:
    first, second = (jobs.submit("tones", [], "ann") for _ in range(2))
    given_back = jobs.release(jobs.lease("w", LONG_S).token)
    assert (given_back.state, given_back.attempts, given_back.token) == ("queued", 0, None)
    assert [jobs.lease("w", LONG_S).id for _ in range(2)] == [first.id, second.id]


def test_cancelling(jobs: Jobs) -> None:
    waiting = jobs.submit("tones", [], "ann")
    assert jobs.cancel(waiting.id, "bob").state == "cancelled"
    with pytest.raises(JobFinished, match="has been cancelled"):
        jobs.cancel(waiting.id, "bob")

    running = jobs.submit("tones", [], "ann")
    token = jobs.lease("w", LONG_S).token
    for _ in range(2):
        assert (jobs.cancel(running.id, "bob").state, jobs.get(running.id).cancel_requested) == ("running", True)
    assert jobs.heartbeat(token, LONG_S).cancel_requested
    assert jobs.release(token).state == "cancelled"

    dead = jobs.submit("tones", [], "ann")
    lost(jobs)
    assert jobs.cancel(dead.id, "bob").state == "cancelled"

    doomed = jobs.submit("tones", [], "ann")
    token = jobs.lease("w", LONG_S).token
    jobs.cancel(doomed.id, "bob")
    jobs.heartbeat(token, SHORT_S)
    time.sleep(3 * SHORT_S)
    assert jobs.lease("w", LONG_S) is None
    assert jobs.get(doomed.id).state == "cancelled"


def test_pages_of_states(jobs: Jobs) -> None:
    ids = [jobs.submit("tones", [], "ann").id for _ in range(5)]
    jobs.lease("w", LONG_S)
    page = jobs.list(page=2, page_size=2)
    assert ([job.id for job in page.items], page.total, page.page, page.page_size) == ([ids[2], ids[1]], 5, 2, 2)
    assert [job.id for job in jobs.list("running").items] == ids[:1]
    assert jobs.list("queued").total == 4
    with pytest.raises(RegistryError, match="choose one of queued, running"):
        jobs.list("asleep")
    with pytest.raises(RegistryError, match="count from 1"):
        jobs.list(page=0)


@pytest.mark.parametrize("job_id", ["missing", "", "a\0b", "x" * 9999])
def test_an_unknown_job(jobs: Jobs, job_id: str) -> None:
    for ask in (jobs.get, lambda one: jobs.cancel(one, "ann")):
        with pytest.raises(UnknownJob):
            ask(job_id)


def test_the_audit_trail_says_who(jobs: Jobs, registry: Registry) -> None:
    job = jobs.submit("tones", [], "ann")
    token = jobs.lease("w", LONG_S).token
    jobs.cancel(job.id, "bob")
    jobs.finish(token, "cancelled")
    entries = [(entry.who, entry.action, entry.detail["job"]) for entry in reversed(registry.audit())]
    assert entries == [("ann", "job submitted", job.id), ("bob", "job cancelled", job.id), ("ann", "job finished", job.id)]


def test_the_tail_of_a_log_is_bounded_and_names_no_folder(jobs: Jobs) -> None:
    jobs.submit("tones", [], "ann")
    job = jobs.lease("w", LONG_S)
    lines = "".join(f"line {number}\n" for number in range(5000))
    said = "report /home/ann/models/r\x1b[31m/train.log\x1b[0m at http://127.0.0.1/a/b of irmastrain:/srv/data, sqlite:////var/t.db\0 1/2\n"
    tail = jobs.heartbeat(job.token, LONG_S, Pulse(log_tail=lines + said)).log_tail
    assert len(tail) <= TAIL_CHARACTERS
    assert tail.startswith("line ")
    assert tail.endswith("report …/train.log at http://127.0.0.1/a/b of irmastrain:…/data, sqlite:///…/t.db� 1/2\n")
    assert jobs.finish(job.token, "failed", error="/srv/data/x.wav: gone").error == "…/x.wav: gone"
