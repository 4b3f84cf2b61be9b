"""When training anew is due, and that a job of it is queued once, on both databases."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from components.errors import ConfigError
from components.monitoring.retrain import Facts, decide, retrain
from components.monitoring.retrain_exports import OWNER
from components.monitoring.reviewed import LiveF1
from components.registry import Card, RegisteredModel, Registry, UnknownModel
from components.registry.episodes import Episodes, Observation
from components.registry.jobs import Jobs
from components.watch_config import RetrainConfig
from tests.fixtures.no_reviews import NoReviews

from .conftest import TaggerMaker, UrlMaker, yes

NOW = datetime(2026, 11, 20, 6, tzinfo=UTC)
DAY = timedelta(days=1)
CONFIG = RetrainConfig(
    enabled=True,
    base="tones",
    drift_labels=2,
    drift_periods=2,
    min_live_f1=0.7,
    min_new_reviews=200,
    cooldown_days=7,
    folder=".timbre/reviews",
)
EAGER = CONFIG.model_copy(update={"cooldown_days": 1e-9})
CALM = Facts(model="a" * 64, now=NOW, new_reviews=50)
LASTING = replace(CALM, episode=3, periods=[["cel"], ["cel", "flu"], ["flu", "cel", "gac"]])
LOW = replace(CALM, live=LiveF1(0.6, 0.55, 0.65, 120))


class Reviewed(NoReviews):
    """Reviews that are written as one CSV."""

    def __init__(self, new: int = 50, live: LiveF1 | None = None) -> None:
        self.new, self.live, self.exports = new, live, 0
        self.asked: list[datetime | None] = []

    def count_since(self, moment: datetime | None) -> int:
        self.asked.append(moment)
        return self.new

    def live_f1(self, model: str) -> LiveF1 | None:
        return self.live

    def export(self, folder: Path) -> Path:
        self.exports += 1
        (folder / "clips.csv").write_text("file,split,cel\na.wav,train,1\n")
        return folder / "clips.csv"


@pytest.mark.parametrize(
    ("facts", "rule", "because"),
    [
        (LASTING, "drift", "retraining on 50 new reviews: cel and flu drifted in 2 periods on end"),
        (LOW, "live F1", "macro F1 on 120 reviewed clips is 0.600 (0.550 to 0.650), below watch.retrain.min_live_f1 0.7"),
        (replace(CALM, new_reviews=200), "reviews", "200 clips were reviewed since the last"),
        (replace(LASTING, last_at=NOW - 7 * DAY), "drift", "cel and flu"),
        (replace(LASTING, done=("retrain:aaaaaaaaaaaaaaaa:drift:2",)), "drift", "cel and flu"),
        (replace(LASTING, live=LOW.live, done=("retrain:aaaaaaaaaaaaaaaa:drift:3",)), "live F1", "macro F1"),
    ],
)
def test_a_rule_that_holds_is_enough(facts: Facts, rule: str, because: str) -> None:
    answer = decide(facts, CONFIG)
    assert (answer.queue, answer.rule) == (True, rule)
    assert because in answer.sentence
    assert answer.key is not None


@pytest.mark.parametrize(
    ("facts", "config", "why"),
    [
        (CALM, CONFIG, "no rule"),
        (replace(LASTING, periods=LASTING.periods[:2]), CONFIG, "no rule"),  # the same two labels, in two periods on end
        (replace(LASTING, periods=[["cel", "flu"]]), CONFIG, "no rule"),
        (replace(LASTING, periods=[["cel", "flu"], ["gac", "gel"]]), CONFIG, "no rule"),
        (LASTING, CONFIG.model_copy(update={"drift_labels": None}), "no rule"),
        (LASTING, CONFIG.model_copy(update={"drift_periods": 4}), "no rule"),
        (replace(LASTING, done=("retrain:aaaaaaaaaaaaaaaa:drift:3",)), CONFIG, "no rule"),
        (replace(CALM, live=LiveF1(0.6, 0.5, 0.71, 20)), CONFIG, "no rule"),  # it may be above the floor
        (LOW, CONFIG.model_copy(update={"min_live_f1": None}), "no rule"),
        (replace(CALM, new_reviews=199), CONFIG, "no rule"),
        (replace(LASTING, under_way="j1"), CONFIG, "job j1 is not done"),
        (replace(LASTING, lost=("retrain:aaaaaaaaaaaaaaaa:drift:3",), last_at=NOW - 6 * DAY), CONFIG, "the next may be on 2026-11-21"),
        (replace(LASTING, last_at=NOW - 6 * DAY), CONFIG, "the last was queued on 2026-11-14, the next may be on 2026-11-21"),
        (replace(LASTING, new_reviews=0), CONFIG, "nothing new to learn"),
    ],
)
def test_what_speaks_against_it(facts: Facts, config: RetrainConfig, why: str) -> None:
    answer = decide(facts, config)
    assert not answer.queue
    assert why in answer.sentence
    assert answer.key is None


def test_a_key_tells_one_reason_from_the_next() -> None:
    keys = [
        decide(facts, CONFIG).key
        for facts in (LASTING, replace(LASTING, episode=4), replace(LASTING, model="b" * 64), LOW, replace(LOW, done=("x",)))
    ]
    assert len(set(keys)) == 5
    lost = [(), ("retrain:aaaaaaaaaaaaaaaa:drift:3",), ("retrain:aaaaaaaaaaaaaaaa:drift:3",) * 2]
    assert len({decide(replace(LASTING, lost=one), CONFIG).key for one in lost}) == 3
    assert len({decide(replace(LOW, lost=one), CONFIG).key for one in lost}) == 3
    assert keys[0] == decide(replace(LASTING, now=NOW + DAY, new_reviews=60), CONFIG).key


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder has the configurations `tones` and `bare`."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tones.yaml").write_text("name: tones\ndata:\n  train: [csv:data/tones.csv]\n  test: [csv:data/test.csv]\n")
    (tmp_path / "configs" / "bare.yaml").write_text("name: bare\n")
    return tmp_path


@pytest.fixture
def model(registry: Registry, make_tagger: TaggerMaker, card: Card) -> RegisteredModel:
    return registry.register(make_tagger(), card, yes, who="ann")


def drifts(registry: Registry, model: RegisteredModel, periods: int = 2) -> None:
    for place in range(periods):
        until = datetime.now(UTC) - (5 - place) * DAY
        about: dict[str, Any] = {"model": model.digest, "model_key": model.key, "watched_as": "production", "labels": ("cel", "flu")}
        Episodes(registry.database).take(Observation(**about, since=until - DAY, until=until, state="drift", sentence="Drift."), "cron")


def ends(jobs: Jobs, state: str) -> None:
    """The job that waits."""
    leased = jobs.lease("worker", 60)
    assert leased is not None
    jobs.finish(str(leased.token), state)


def interrupted(*_: Any, **__: Any) -> Any:
    raise KeyboardInterrupt


def test_a_job_is_queued_on_the_old_data_and_the_reviews(registry: Registry, model: RegisteredModel, folder: Path) -> None:
    drifts(registry, model)
    answer = retrain(registry, CONFIG, Reviewed(), "cron")
    job = Jobs(registry.database).get(str(answer.job))
    assert answer.queue
    assert answer.sentence == f"retraining on 50 new reviews: cel and flu drifted in 2 periods on end: job {job.id} trains tones"
    (place,) = (str(path.relative_to(folder)) for path in (folder / ".timbre/reviews").glob("*/clips.csv"))
    assert place.startswith(f".timbre/reviews/retrain-{model.digest[:16]}-drift-1-")
    assert job.overrides == (f'data.reviewed=["csv:{place}"]', "data.test_share=0.0")
    assert (job.config, job.owner, job.state) == ("tones", OWNER, "queued")
    assert (folder / place).read_text().startswith("file,split")
    entry = registry.audit()[0]
    assert (entry.who, entry.action, entry.model_id) == ("cron", "retrain queued", model.id)
    assert (entry.detail["job"], entry.detail["rule"]) == (job.id, "drift")
    assert entry.detail["reason"].startswith("retraining on 50 new reviews")


def test_the_same_reason_queues_one_job_whoever_asks(registry: Registry, model: RegisteredModel) -> None:
    drifts(registry, model)
    reviews = Reviewed()
    first = retrain(registry, CONFIG, reviews, "cron")
    again = retrain(registry, CONFIG, reviews, "ann")
    assert (first.queue, again.queue) == (True, False)
    jobs = Jobs(registry.database)
    ends(jobs, "succeeded")
    assert not retrain(registry, EAGER, reviews, "cron").queue
    assert (jobs.list().total, reviews.exports) == (1, 1)
    assert (reviews.asked[0], reviews.asked[-1] is None) == (None, False)  # since the first was queued


@pytest.mark.parametrize("state", ["failed", "cancelled"])
def test_a_job_that_came_to_nothing_is_followed_by_another(registry: Registry, model: RegisteredModel, folder: Path, state: str) -> None:
    drifts(registry, model)
    reviews, jobs, found = Reviewed(), Jobs(registry.database), set()
    for _ in range(3):
        answer = retrain(registry, EAGER, reviews, "cron")
        assert answer.queue, answer.sentence
        found.add((answer.job, answer.key))
        assert not retrain(registry, EAGER, reviews, "cron").queue
        ends(jobs, state)
        assert "the last was queued on" in retrain(registry, CONFIG, reviews, "cron").sentence
    assert [moment is None for moment in reviews.asked] == [True, False, True] * 3  # only while its job is not done
    assert (len({job for job, _ in found}), len({key for _, key in found}), jobs.list().total) == (3, 3, 3)
    assert len(list((folder / ".timbre/reviews").iterdir())) == 3
    retrain(registry, EAGER, reviews, "cron")
    ends(jobs, "succeeded")
    assert "not followed before" in retrain(registry, EAGER, reviews, "cron").sentence
    assert reviews.asked[-1] is not None


def test_an_export_that_no_job_named_is_not_trained_on(registry: Registry, model: RegisteredModel, folder: Path) -> None:
    drifts(registry, model)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Jobs, "submit", interrupted)
        with pytest.raises(KeyboardInterrupt):
            retrain(registry, CONFIG, Reviewed(), "cron")
    assert len(list((folder / ".timbre/reviews").iterdir())) == 1

    class Later(Reviewed):
        def export(self, folder: Path) -> Path:
            (folder / "clips.csv").write_text("file,split,cel\nb.wav,train,1\n")
            return folder / "clips.csv"

    answer = retrain(registry, CONFIG, Later(), "cron")
    (left,) = (folder / ".timbre/reviews").iterdir()
    assert "b.wav" in (left / "clips.csv").read_text()
    assert left.name in Jobs(registry.database).get(str(answer.job)).overrides[0]


def test_a_run_that_was_second_with_other_reviews_takes_the_first_ones_job(
    registry: Registry, model: RegisteredModel, folder: Path
) -> None:
    drifts(registry, model)

    class Second(Reviewed):
        def export(self, folder: Path) -> Path:
            assert retrain(registry, CONFIG, Reviewed(), "ann").queue
            (folder / "clips.csv").write_text("file,split,cel\nb.wav,train,1\n")
            return folder / "clips.csv"

    answer = retrain(registry, CONFIG, Second(), "cron")
    assert (answer.queue, "was queued for this reason before" in answer.sentence) == (False, True)
    (left,) = (folder / ".timbre/reviews").iterdir()
    assert "a.wav" in (left / "clips.csv").read_text()


def test_runs_at_the_same_time_queue_one_job(new_url: UrlMaker, tmp_path: Path, make_tagger: TaggerMaker, card: Card) -> None:
    url = new_url()
    with Registry.open(url, tmp_path / "models") as registry:
        drifts(registry, registry.register(make_tagger(), card, yes, who="ann"))

    def run(_: int) -> bool:
        with Registry.open(url, tmp_path / "models") as own:
            return retrain(own, CONFIG, Reviewed(), "cron").queue

    with ThreadPoolExecutor(5) as pool:
        queued = list(pool.map(run, range(5)))
    with Registry.open(url, tmp_path / "models") as registry:
        assert queued.count(True) == 1
        assert Jobs(registry.database).list().total == 1
        assert [one.action for one in registry.audit()].count("retrain queued") == 1
    assert [path.name for path in (tmp_path / ".timbre/reviews").iterdir() if path.name.startswith(".")] == []


def test_a_run_that_died_between_the_job_and_its_entry_is_made_whole(
    registry: Registry, model: RegisteredModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    drifts(registry, model)

    monkeypatch.setattr("components.monitoring.retrain._enter", interrupted)
    with pytest.raises(KeyboardInterrupt):
        retrain(registry, CONFIG, Reviewed(), "cron")
    monkeypatch.undo()
    monkeypatch.chdir(registry.root.parent)
    assert retrain(registry, CONFIG, Reviewed(), "cron").queue
    assert Jobs(registry.database).list().total == 1


def test_a_dry_run_only_says(registry: Registry, model: RegisteredModel) -> None:
    drifts(registry, model)
    answer = retrain(registry, RetrainConfig(drift_labels=2), Reviewed(), "ann", dry_run=True)
    assert (answer.queue, answer.job) == (True, None)
    assert Jobs(registry.database).list().total == 0
    off = retrain(registry, RetrainConfig(drift_labels=2), Reviewed(), "ann")
    assert off.sentence.startswith("no retraining: watch.retrain.enabled is false")


@pytest.mark.parametrize(("base", "why"), [("gone", "no configuration 'gone'"), ("bare", "names no data.train")])
def test_a_base_that_cannot_be_trained(registry: Registry, model: RegisteredModel, base: str, why: str) -> None:
    drifts(registry, model)
    with pytest.raises(ConfigError, match=why):
        retrain(registry, CONFIG.model_copy(update={"base": base}), Reviewed(), "cron")
    assert Jobs(registry.database).list().total == 0


def test_an_export_that_fails_leaves_nothing(registry: Registry, model: RegisteredModel, folder: Path) -> None:
    drifts(registry, model)

    class Broken(Reviewed):
        def export(self, folder: Path) -> Path:
            raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        retrain(registry, CONFIG, Broken(), "cron")
    assert list((folder / ".timbre/reviews").iterdir()) == []
    assert retrain(registry, CONFIG, Reviewed(), "cron").queue


def test_nothing_in_production(registry: Registry) -> None:
    with pytest.raises(UnknownModel):
        retrain(registry, CONFIG, Reviewed(), "cron")
