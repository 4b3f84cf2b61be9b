"""The clients' calls of the registry and of training jobs."""

import zlib
from datetime import timedelta
from pathlib import Path

import pytest

from components.registry import Decision
from tests.fixtures.running import CODES, RATE, Running, card, small_tagger
from tests.fixtures.sounds import encoded, sine
from timbre.client import (
    Client,
    Conflict,
    Gone,
    StillRunning,
)

SOUND = encoded(sine(440, 1.2, RATE), RATE)
NAMES = ["0", "1", "2", "one"]


@pytest.fixture
def spare(service: Running, tmp_path: Path):
    """Makes a model that a test may do anything to."""

    def make(name: str) -> str:
        with service.registry() as registry:
            folder = small_tagger(tmp_path / name, name, seed=zlib.crc32(name.encode()))
            return registry.register(folder, card(0.3), lambda _: Decision(False, "a test"), who="test").id

    return make


@pytest.fixture
def configs(service: Running) -> None:
    folder = service.home / "configs"
    folder.mkdir(exist_ok=True)
    (folder / "tones.yaml").write_text("name: tones\n")


def test_the_registry_is_read(timbre: Client):
    page = timbre.list_models(is_active=True, label="low", sort="-f1_score", page_size=1)
    assert (page.total, page.page_size, len(page.items)) == (2, 1, 1)
    best = page.items[0]
    assert (best.name, best.artifact_types) == ("small", tuple(CODES))
    assert "production" in best.aliases
    assert best.created_at.utcoffset() == timedelta(0)
    assert best.eval_metrics.per_class["low"].support == 10
    assert timbre.model("production") == timbre.model(best.key) == timbre.model(best.id) == best
    compared = timbre.compare(["production", next(key for key in timbre.models() if key.startswith("other@"))])
    assert compared.comparable
    assert compared.items[1].f1_difference == pytest.approx(-0.1)


def test_a_model_is_changed_and_archived(timbre: Client, spare):
    key = spare(f"spare-{type(timbre).__name__.lower()}")
    assert timbre.activate(key).is_active
    renamed = timbre.rename(key, "thing")
    assert renamed.key.startswith("thing@")
    assert timbre.describe(renamed.key, "naïve 🎻").description == "naïve 🎻"
    assert not timbre.deactivate(key).is_active
    with pytest.raises(Conflict) as conflict:
        timbre.predict(SOUND, model=renamed.key)
    assert (conflict.value.status, "inactive" in conflict.value.detail) == (409, True)
    assert timbre.archive(key) is None
    assert timbre.model(key).archived_at is not None
    with pytest.raises(Gone):
        timbre.predict(SOUND, model=renamed.key)
    trail = timbre.audit(key)
    assert (trail[0].action, trail[0].who) == ("archived", "admin")


def test_a_promotion_and_back(timbre: Client):
    before = timbre.model("production").key
    other = next(key for key in timbre.models() if key.startswith("other@"))
    try:
        assert "production" in timbre.promote(other, "to see").aliases
        assert timbre.audit(other)[0].detail["reason"] == "to see"
    finally:
        assert timbre.roll_back("seen").key == before


def test_a_job_is_queued_once_followed_and_cancelled(timbre: Client, configs):
    key = f"nightly-{type(timbre).__name__}"
    job = timbre.train("tones", {"training.seed": 3}, name="mine", idempotency_key=key)
    assert (job.state, job.config, job.has_ended) == ("queued", "tones", False)
    assert timbre.train("tones", {"training.seed": 3}, name="mine", idempotency_key=key).id == job.id
    assert timbre.train("tones").id != timbre.train("tones").id
    assert timbre.job(job.id).overrides == job.overrides
    assert job.id in [one.id for one in timbre.jobs(state="queued").items]
    with pytest.raises(StillRunning, match="queued after"):
        timbre.wait(job.id, timeout_s=0.1, every_s=0.02)
    timbre.cancel(job.id)
    assert timbre.wait(job.id).state == "cancelled"
    with pytest.raises(Conflict):
        timbre.cancel(job.id)
    for left in timbre.jobs(state="queued").items:
        timbre.cancel(left.id)
