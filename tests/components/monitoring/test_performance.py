"""How good a model is by its reviews: known numbers, and by simulation whether intervals hold what they promise."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from components.monitoring.detections import begin_of, detection_rates
from components.monitoring.performance import Performance, Sample, draw, estimate, performance
from components.monitoring.proportions import UNKNOWN, exact, share_of
from components.monitoring.review_queue import queue
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Pool, Review, Reviews, lot

START = datetime(2026, 3, 2, 12, tzinfo=UTC)  # a Monday
LABELS = ("low", "high")
MODEL = "a" * 64


def review(content: str, decided: tuple[str, ...], true: tuple[str, ...], drawn: bool = True, at: datetime = START) -> Review:
    return Review("id", MODEL, content, true, LABELS, "ann", at, lot(content) if drawn else None, decided, at)


def content(start: str) -> str:
    return start.ljust(64, "0")


def test_exact_intervals_by_known_numbers() -> None:
    assert exact(0, 10) == (0, pytest.approx(0.3085, abs=1e-4))
    assert exact(5, 10) == pytest.approx((0.1871, 0.8129), abs=1e-4)
    assert exact(10, 10) == (pytest.approx(0.6915, abs=1e-4), 1)
    assert exact(0, 0) == (0, 1)


def test_shares_weigh_what_clips_stand_for() -> None:
    part, whole = np.array([True, False, True]), np.array([True, True, False])
    found = share_of(part, whole, np.array([1.0, 3.0, 100.0]))
    assert found.value == 0.25
    assert (found.low, found.high) == pytest.approx(exact(0.25 * 1.6, 1.6), abs=0.05)
    assert share_of(part, np.zeros(3, bool), np.ones(3)) == UNKNOWN


def test_numbers_of_a_sample_by_hand() -> None:
    decided = np.array([[1, 0], [1, 0], [0, 0], [0, 0]], bool)
    true = np.array([[1, 0], [0, 0], [1, 0], [0, 0]], bool)
    sample = Sample(decided, true, np.array([0, 0, 1, 1]), np.array([2, 6]))
    assert sample.weights.tolist() == [1, 1, 3, 3]
    macro, (low, high) = estimate(sample, LABELS)
    assert (low.heard, low.found, low.precision.value, low.recall.value) == (2, 2, 0.5, 0.25)
    assert low.f1.value == pytest.approx(2 * 1 / (2 * 1 + 1 + 3))
    assert macro.value == low.f1.value
    assert macro.low <= low.f1.value <= macro.high
    assert (high.precision, high.recall, high.f1) == (UNKNOWN, UNKNOWN, UNKNOWN)


def test_a_few_right_answers_are_no_certainty() -> None:
    right = np.ones((3, 1), bool)
    macro, (one,) = estimate(Sample(right, right, np.zeros(3, np.int64), np.array([100])), ("low",))
    assert (one.f1.value, macro.value, macro.high) == (1, 1, 1)
    assert one.f1.low < 0.5
    assert macro.low < 0.8


def test_only_what_the_draw_has_come_to_counts() -> None:
    names = [content(start) for start in ("1", "2", "3", "8", "f")]
    found = [review(names[0], ("low",), ("low",)), review(names[1], (), ("low",), drawn=False), review(names[3], (), (), drawn=False)]
    drawn = draw(lambda: [(name, START) for name in names], [*found, review(names[2], (), ())], LABELS)
    assert (len(drawn.sample.strata), drawn.other, drawn.missing, drawn.contents, drawn.unseen) == (3, 1, 0, 5, 0)
    assert drawn.sample.truths[:, 0].tolist() == [True, True, False]  # the second was chosen, but the draw has passed it
    assert drawn.sample.weights.tolist() == pytest.approx([5 / 3] * 3)


def test_weeks_are_drawn_from_one_by_one() -> None:
    names = [content(start) for start in ("1", "2", "3", "4")]
    weeks = [START, START, START + timedelta(days=7), START + timedelta(days=14)]
    found = [review(names[1], (), ()), review(names[2], (), ())]
    drawn = draw(lambda: zip(names, weeks, strict=True), found, LABELS)
    assert (drawn.sample.sizes.tolist(), drawn.sample.strata.tolist()) == ([2, 1], [0, 1])
    assert (drawn.missing, drawn.contents, drawn.unseen) == (1, 3, 1)


def test_what_nobody_drew_says_nothing() -> None:
    drawn = draw(lambda: [(content("1"), START)], [review(content("1"), (), ("low",), drawn=False)], LABELS)
    macro, each = estimate(drawn.sample, LABELS)
    assert (macro, {one.f1.value for one in each}, drawn.other, drawn.unseen) == (UNKNOWN, {None}, 1, 1)


def test_intervals_hold_the_truth_as_often_as_they_promise() -> None:
    """A model that errs where it is unsure, reviewed as the queue asks, in 400 worlds."""
    rng, held, macro_held, wrong = np.random.default_rng(3), np.zeros(2), 0, 0
    worlds = 400
    for _ in range(worlds):
        pool, truths, weeks = _world(rng)
        decisions = pool.scores >= 0.5
        asked = queue(pool, set(), (0.5, 0.5), "multilabel", 240)
        found = []
        for one in asked:
            true = tuple(code for code, yes in zip(LABELS, truths[one.row], strict=True) if yes)
            decided = tuple(code for code, yes in zip(LABELS, decisions[one.row], strict=True) if yes)
            found.append(review(pool.contents[one.row], decided, true, one.sampled_p is not None))
        drawn = draw(lambda pool=pool, weeks=weeks: zip(pool.contents, weeks, strict=True), found, LABELS)  # type: ignore[misc]
        macro, each = estimate(drawn.sample, LABELS, rounds=400)
        real = 2 * (truths & decisions).sum(axis=0) / (truths.sum(axis=0) + decisions.sum(axis=0))
        held += [one.f1.low <= value <= one.f1.high for one, value in zip(each, real, strict=True)]
        macro_held += macro.low <= real.mean() <= macro.high
        rows = [one.row for one in asked]
        both, either = (truths & decisions)[rows].sum(axis=0), (truths | decisions)[rows].sum(axis=0)
        naive = 2 * both / (both + either)
        wrong += bool(naive.mean() < real.mean() - 0.05)
    assert held.min() >= 0.93 * worlds
    assert macro_held >= 0.93 * worlds
    assert wrong > 0.9 * worlds  # all reviews together would say that it is far worse


def _world(rng: np.random.Generator) -> tuple[Pool, np.ndarray, list[datetime]]:
    """1,500 contents of two uneven weeks, the second one harder."""
    rows = 1500
    week = rng.random(rows) < 0.3
    scores = np.where(week[:, None], rng.beta(0.5, 0.6, (rows, 2)), rng.beta(0.25, 0.6, (rows, 2))).astype(np.float32)
    truths = rng.random((rows, 2)) < scores  # so a score near the threshold is wrong every other time
    contents = [rng.bytes(32).hex() for _ in range(rows)]
    moments = [START + timedelta(days=7 * int(late)) for late in week]
    pool = Pool(LABELS, contents, contents, scores)
    return pool, truths, moments


@pytest.fixture
def database(tmp_path) -> Iterator[Database]:
    database = Database(f"sqlite:///{tmp_path}/timbre.db")
    yield database
    database.close()


def log(database: Database, name: str, at: datetime, decisions: tuple[bool, bool], error: str | None = None) -> str:
    row = Prediction(
        id=f"{name[:2]}-{at:%d%H%M}", at=at, model=MODEL, model_key="m@aaaaaaaa", labels=LABELS, request_id="r", caller="ann",
        latency_ms=1.0, content=name, source="a.wav", scores=np.array(decisions, np.float32), decisions=np.array(decisions), error=error,
    )  # fmt: skip
    Predictions(database).add([row])
    return row.id


def test_from_the_database(database: Database) -> None:
    names = [content(start) for start in ("10", "20", "30")]
    ids = [log(database, name, START + timedelta(minutes=place), (True, False)) for place, name in enumerate(names)]
    log(database, names[0], START + timedelta(days=9), (True, False))
    reviews = Reviews(database)
    reviews.add(ids[0], ["low"], "ann", lot(names[0]))
    reviews.add(ids[1], [], "ann", lot(names[1]))
    found = performance(reviews, MODEL)
    assert isinstance(found, Performance)
    assert (found.contents, found.sample, found.other, found.missing, found.unseen) == (3, 2, 0, 0, 0)
    assert found.labels[0].precision.value == 0.5
    assert found.labels[0].recall.value == 1
    nothing = performance(reviews, "b" * 64)
    assert (nothing.contents, nothing.macro_f1, nothing.labels) == (0, UNKNOWN, ())


def test_detection_rates_count_a_content_once_a_period(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.reviews.CHUNK", 2)
    for hours in (0, 1, 2):
        log(database, content("10"), START + timedelta(hours=hours), (True, False))
    log(database, content("20"), START + timedelta(hours=3), (False, False))
    log(database, content("30"), START + timedelta(hours=4), (False, False), error="x")
    log(database, content("10"), START + timedelta(days=1), (True, True))
    reviews = Reviews(database)
    first, second = detection_rates(reviews, MODEL)
    assert (first.start, first.clips, first.rates["low"].value, first.rates["high"].value) == (datetime(2026, 3, 2, tzinfo=UTC), 2, 0.5, 0)
    assert (second.clips, second.rates["high"].value) == (1, 1)
    assert (first.rates["low"].low, first.rates["low"].high) == pytest.approx(exact(1, 2))
    (week,) = detection_rates(reviews, MODEL, every="week")
    assert (week.start, week.clips) == (datetime(2026, 3, 2, tzinfo=UTC), 2)
    assert detection_rates(reviews, MODEL, START + timedelta(days=30)) == []
    assert begin_of(datetime(2026, 3, 8, 23, 59, tzinfo=UTC), "week") == datetime(2026, 3, 2, tzinfo=UTC)
