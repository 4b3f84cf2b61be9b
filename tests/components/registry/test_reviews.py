"""The table of reviews on both databases."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Engine, event, select

from components.registry.database import Database
from components.registry.errors import NotReviewable, Reviewed, UnfitReview, UnknownPrediction
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews, lot
from components.registry.tables import AuditRow

from .conftest import UrlMaker

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL, OTHER = "a" * 64, "b" * 64


@pytest.fixture
def database(new_url: UrlMaker) -> Iterator[Database]:
    database = Database(new_url())
    yield database
    database.close()


@pytest.fixture
def reviews(database: Database) -> Reviews:
    return Reviews(database)


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def row(name: str, minutes: float = 0, **given: Any) -> Prediction:
    return Prediction(**{
        "id": str(uuid.uuid4()), "at": START + timedelta(minutes=minutes), "model": MODEL, "model_key": "m@aaaaaaaa",
        "labels": ("low", "high"), "request_id": "r", "caller": "ann", "latency_ms": 1.0, "content": sha(name), "source": f"{name}.wav",
        "scores": np.array([0.25, 0.75], np.float32), "decisions": np.array([False, True]), **given,
    })  # fmt: skip


def log(database: Database, *rows: Prediction) -> list[str]:
    Predictions(database).add(rows)
    return [one.id for one in rows]


def test_a_review_says_of_each_label_whether_it_is_true(database: Database, reviews: Reviews) -> None:
    (about,) = log(database, row("a"))
    made = reviews.add(about, ["high", "low"], "ann", lot(sha("a")))
    assert (made.labels, made.known, made.decided) == (("low", "high"), ("low", "high"), ("high",))
    assert (made.model, made.content, made.reviewer, made.heard_at) == (MODEL, sha("a"), "ann", START)
    assert (made.source, made.audio_uri, made.first_at, made.opinion_shown) == ("a.wav", None, None, None)
    assert made.sampled_p == lot(sha("a"))
    assert abs(made.at - datetime.now(UTC)) < timedelta(minutes=1)
    assert reviews.list() == reviews.list(MODEL) == [made]
    assert reviews.list(OTHER) == reviews.list(since=START + timedelta(seconds=1)) == reviews.list(until=START) == []
    assert reviews.list(MODEL, START, START + timedelta(seconds=1)) == [made]


def test_none_of_the_labels_may_be_true(database: Database, reviews: Reviews) -> None:
    (about,) = log(database, row("a"))
    assert reviews.add(about, [], "ann").labels == ()


def test_a_second_review_is_refused_or_takes_the_place_of_the_first(database: Database, reviews: Reviews) -> None:
    (about,) = log(database, row("a"))
    first = reviews.add(about, ["low"], "ann", lot(sha("a")), opinion_shown=False)
    with pytest.raises(Reviewed, match=r"ann reviewed prediction .* send replace"):
        reviews.add(about, ["high"], "bob")
    second = reviews.add(about, ["high"], "bob", replace=True, opinion_shown=True)
    assert reviews.list() == [second]
    assert (second.labels, second.reviewer, second.sampled_p) == (("high",), "bob", first.sampled_p)
    assert (second.first_at, second.opinion_shown) == (first.at, True)
    with database.read() as session:
        (kept,) = session.scalars(select(AuditRow))
    assert (kept.who, kept.action) == ("bob", "review replaced")
    assert kept.detail["before"]["labels"] == ["low"]
    assert kept.detail["before"]["reviewer"] == "ann"
    assert kept.detail["before"]["opinion_shown"] is False
    third = reviews.add(about, [], "ann", replace=True)
    assert (third.first_at, third.opinion_shown) == (first.at, None)


def test_a_correction_that_is_sent_twice_is_one(database: Database, reviews: Reviews) -> None:
    (about,) = log(database, row("a"))
    reviews.add(about, ["low"], "ann", lot(sha("a")))
    corrected = reviews.add(about, ["high", "low"], "ann", replace=True, opinion_shown=True)
    assert reviews.add(about, ["low", "high"], "ann", replace=True, opinion_shown=True) == corrected
    assert reviews.list() == [corrected]
    with database.read() as session:
        assert len(session.scalars(select(AuditRow)).all()) == 1
    for labels, who, shown in ((["low"], "ann", True), (["low"], "bob", True), (["low"], "bob", None)):
        reviews.add(about, labels, who, replace=True, opinion_shown=shown)
    with database.read() as session:
        assert len(session.scalars(select(AuditRow)).all()) == 4


def test_what_cannot_be_reviewed(database: Database, reviews: Reviews) -> None:
    failed, fine = log(database, row("a", scores=None, decisions=None, error="a.wav is empty"), row("b"))
    for unknown in (str(uuid.uuid4()), "", "\0", "x" * 999):
        with pytest.raises(UnknownPrediction):
            reviews.add(unknown, [], "ann")
    with pytest.raises(NotReviewable, match="could not be heard"):
        reviews.add(failed, [], "ann")
    for labels, place in ((["high", "mid"], 1), (["low", "low"], 1)):
        with pytest.raises(UnfitReview) as caught:
            reviews.add(fine, labels, "ann")
        assert caught.value.field == ("labels", place)
    with pytest.raises(UnfitReview) as caught:
        reviews.add(fine, [], "ann", 0.5)
    assert caught.value.field == ("sampled_p",)
    assert reviews.list() == []


def test_scores_that_are_no_numbers_do_not_keep_a_person_from_saying_what_is_true(database: Database, reviews: Reviews) -> None:
    (about,) = log(database, row("a", scores=np.array([np.nan, 1], np.float32)))
    assert reviews.add(about, ["low"], "ann").labels == ("low",)


def test_each_model_has_labels_of_its_own(database: Database, reviews: Reviews) -> None:
    other = {
        "model": OTHER,
        "model_key": "n@bbbbbbbb",
        "labels": ("mid",),
        "scores": np.zeros(1, np.float32),
        "decisions": np.ones(1, bool),
    }
    first, second = log(database, row("a"), row("a", **other))
    reviews.add(first, ["low"], "ann")
    reviews.add(second, ["mid"], "ann")
    assert [(one.known, one.decided) for one in reviews.list()] == [(("low", "high"), ("high",)), (("mid",), ("mid",))]
    assert reviews.labels(OTHER) == ("mid",)


def test_forgetting_a_content_takes_its_review_along(database: Database, reviews: Reviews) -> None:
    about, other = log(database, row("a"), row("b"))
    reviews.add(about, [], "ann")
    reviews.add(other, [], "ann")
    assert Predictions(database).delete_content(sha("a")) == 1
    assert [one.content for one in reviews.list()] == [sha("b")]


def test_what_was_reviewed_outlives_the_log(database: Database, reviews: Reviews) -> None:
    about, _, _ = log(database, row("a", audio_uri="/kept/a"), row("a", 1, audio_uri="/kept/a"), row("b", audio_uri="/kept/b"))
    reviews.add(about, ["low"], "ann")
    dropped: list[str] = []
    assert Predictions(database).delete_before(START + timedelta(days=1), dropped.append) == 2
    assert dropped == ["/kept/b"]
    assert [one.labels for one in reviews.list()] == [("low",)]


def test_the_pool_has_the_newest_of_each_content_that_can_be_heard(database: Database, reviews: Reviews) -> None:
    newest = row("a", 5)
    log(
        database, row("a"), newest, row("b", 1, source=None), row("c", 2, error="x", scores=None, decisions=None),
        row("d", 3, source=None, audio_uri="/kept/d"), row("e", 4, model=OTHER), row("f", -60),
    )  # fmt: skip
    pool = reviews.pool(MODEL, START)
    assert [(name, place) for name in "abcdef" for place, one in enumerate(pool.contents) if one == sha(name)] == [("a", 0), ("d", 1)]
    about = [reviews.prediction(one) for one in pool.ids]
    together = reviews.predictions([*pool.ids, "forgotten"])
    assert {one: told.source for one, told in together.items()} == {one.id: one.source for one in about}
    assert (pool.ids[0], about[0].at, [one.source for one in about], [one.audio_uri for one in about]) == (
        newest.id, newest.at, ["a.wav", None], [None, "/kept/d"],
    )  # fmt: skip
    assert (pool.scores.tolist(), [list(one.decisions) for one in about if one.decisions is not None]) == (
        [[0.25, 0.75]] * 2, [[False, True]] * 2,
    )  # fmt: skip
    assert dict(reviews.contents(MODEL, START)) == {sha("a"): START, sha("d"): START + timedelta(minutes=3)}
    assert sum(len(moments) for _, moments, _ in reviews.decisions(MODEL, START)) == 4
    assert len(reviews.pool("c" * 64).ids) == 0


def test_which_come_next_is_told_from_few_columns(database: Database, reviews: Reviews) -> None:
    about, _ = log(database, row("a"), row("b", 1))
    reviews.add(about, [], "ann")
    read: list[str] = []

    def note(_connection: Any, cursor: Any, *_: Any) -> None:
        read.extend(column[0] for column in cursor.description or ())

    event.listen(Engine, "after_cursor_execute", note)
    try:
        assert reviews.pool(MODEL).contents == [sha("b"), sha("a")]
        assert reviews.reviewed(MODEL) == {sha("a")}
    finally:
        event.remove(Engine, "after_cursor_execute", note)
    assert sorted(read) == ["content", "content", "id", "labels", "scores"]
    assert reviews.reviewed(OTHER) == set()


def test_the_draw_is_even_and_the_same_for_all() -> None:
    lots = np.array([lot(sha(str(place))) for place in range(2000)])
    assert np.abs(np.histogram(lots, 10, (0, 1))[0] - 200).max() < 60
    assert lot("8" + "0" * 63) == 0.5


def test_a_log_that_is_too_long_for_a_pool_is_drawn_from_whole(
    database: Database, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.registry.reviews.DRAWN", 3)
    names = [str(place) for place in range(20)]
    ids = dict(zip(names, log(database, *(row(name, place) for place, name in enumerate(names))), strict=True))
    first = min(names[:19], key=lambda name: lot(sha(name)))
    reviews.add(ids[first], [], "ann")
    others = [name for name in sorted(names, key=lambda name: lot(sha(name))) if name != first][:3]
    assert reviews.pool(MODEL, most=1).contents == list(dict.fromkeys(sha(name) for name in ["19", *others]))
    assert len(reviews.pool(MODEL).ids) == 20


def test_a_clip_that_is_sent_often_takes_one_place_in_the_draw(
    database: Database, reviews: Reviews, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.registry.reviews.DRAWN", 3)
    *names, new = sorted((str(place) for place in range(20)), key=lambda name: lot(sha(name)))
    probes = [row(names[0], place) for place in range(30)]
    log(database, *probes, row(names[0], 29, model=OTHER), *(row(name, 100) for name in names[1:]), row(new, 200), row(new, 201))
    pool = reviews.pool(MODEL, most=2)
    assert pool.contents == [sha(name) for name in [new, *names[:3]]]
    assert pool.ids[1] == probes[-1].id
    assert sha(names[0]) not in reviews.pool(MODEL, START + timedelta(minutes=30), most=2).contents
