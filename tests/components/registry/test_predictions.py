"""The table of predictions on both databases."""

import contextlib
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from sqlalchemy import delete, event, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from components.registry.database import Database
from components.registry.errors import DatabaseAway
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from components.registry.tables import LoggedModelRow, PredictionRow

from .conftest import UrlMaker

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
MODEL, OTHER = "a" * 64, "b" * 64
INPUTS = {
    "duration_s": 10.0, "sample_rate": 44100, "channels": 2, "loudness_lufs": -23.5, "peak_db": -1.5, "silent_share": 0.25,
    "clipped_share": 0.125,
}  # fmt: skip


@pytest.fixture
def predictions(new_url: UrlMaker) -> Iterator[Predictions]:
    database = Database(new_url())
    yield Predictions(database)
    database.close()


def row(minutes: float = 0, **given: Any) -> Prediction:
    return Prediction(**{
        "id": str(uuid.uuid4()), "at": START + timedelta(minutes=minutes), "model": MODEL, "model_key": "m@aaaaaaaa",
        "labels": ("low", "high"), "request_id": "r", "caller": "ann", "latency_ms": 12.5, "content": "c" * 64, **INPUTS,
        "scores": np.array([0.25, 0.75], np.float32), "decisions": np.array([False, True]), "embedding": np.arange(32, dtype=np.float32),
        **given,
    })  # fmt: skip


def test_what_is_written_comes_back_as_a_wide_frame(predictions: Predictions) -> None:
    one = row(source="clips/a.wav", audio_uri="/kept/cc")
    predictions.add([one])
    frame = predictions.frame(MODEL)
    assert list(frame.columns) == [
        "at", "model", "id", "request_id", "caller", "content", "source", "audio_uri", "error", *INPUTS, "latency_ms",
        "score_low", "score_high", "decision_low", "decision_high", *(f"embedding_{place:02d}" for place in range(32)),
    ]  # fmt: skip
    (found,) = frame.to_dict("records")
    assert {name: found[name] for name in INPUTS} == INPUTS
    assert (found["id"], found["at"], found["source"], found["audio_uri"]) == (one.id, START, "clips/a.wav", "/kept/cc")
    assert (found["score_low"], found["score_high"], found["decision_low"], found["decision_high"]) == (0.25, 0.75, 0, 1)
    assert found["embedding_31"] == 31
    kinds = {name: str(frame[name].dtype) for name in ("score_low", "decision_low", "embedding_00")}
    assert kinds == {"score_low": "float32", "decision_low": "int8", "embedding_00": "float32"}


def test_a_clip_that_failed_has_no_numbers(predictions: Predictions) -> None:
    nothing = dict.fromkeys(INPUTS)
    predictions.add([row(scores=None, decisions=None, embedding=None, error="a.wav is empty", **nothing)])
    (found,) = predictions.frame(MODEL).to_dict("records")
    assert found["error"] == "a.wav is empty"
    assert np.isnan([found[name] for name in (*INPUTS, "score_low", "embedding_00")]).all()
    assert found["decision_low"] == 0


def test_scores_that_are_no_numbers_are_kept_as_they_are(predictions: Predictions) -> None:
    predictions.add([row(scores=np.array([np.nan, np.inf], np.float32), loudness_lufs=None)])
    (found,) = predictions.frame(MODEL)[["score_low", "score_high"]].to_numpy().tolist()
    assert np.isnan(found[0])
    assert found[1] == np.inf


def test_a_batch_that_comes_again_is_not_doubled(predictions: Predictions) -> None:
    batch = [row(minutes) for minutes in range(3)]
    predictions.add(batch[:2])
    predictions.add(batch)
    assert predictions.count() == 3


def test_a_batch_is_written_whole_or_not_at_all(predictions: Predictions) -> None:
    with pytest.raises(Exception, match=r"(?i)null"):
        predictions.add([row(), row(latency_ms=None)])
    assert predictions.count() == 0
    predictions.add([row()])
    assert predictions.count() == 1


def test_times_choose_and_order(predictions: Predictions) -> None:
    predictions.add([row(minutes) for minutes in (30, 10, 20, 0)])
    frame = predictions.frame(MODEL, START + timedelta(minutes=10), START + timedelta(minutes=30))
    assert ((frame["at"] - START).dt.total_seconds() / 60).tolist() == [10, 20]
    assert predictions.count(MODEL, since=START + timedelta(minutes=10)) == 3
    assert [one.at.minute for one in predictions.last(2)] == [30, 20]


def test_frames_are_read_in_chunks(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.prediction_frame.CHUNK", 7)
    predictions.add([row(place, scores=np.array([place, 0], np.float32), error=None if place % 2 else "x") for place in range(20)])
    frame = predictions.frame(MODEL)
    assert frame["score_low"].tolist() == list(range(20))
    assert frame["error"].isna().tolist() == [False, True] * 10


def test_models_have_their_own_labels(predictions: Predictions) -> None:
    other = {"model": OTHER, "model_key": "n@bbbbbbbb", "labels": ("x", "y", "z")}
    predictions.add([row(), row(1), row(2, **other, scores=np.zeros(3, np.float32), decisions=np.zeros(3, bool))])
    assert [one for one in predictions.frame(OTHER).columns if one.startswith("score_")] == ["score_x", "score_y", "score_z"]
    first, second = predictions.models_seen()
    assert (first.digest, first.key, first.labels, first.predictions) == (OTHER, "n@bbbbbbbb", ("x", "y", "z"), 1)
    assert (second.predictions, second.first_at, second.last_at) == (2, START, START + timedelta(minutes=1))
    predictions.add([row(3, model_key="renamed@aaaaaaaa")])
    assert predictions.models_seen()[0].key == "renamed@aaaaaaaa"


def test_a_database_that_was_emptied_learns_of_its_models_again(predictions: Predictions) -> None:
    predictions.add([row()])
    with predictions.database.write() as session:
        session.execute(delete(PredictionRow))
        session.execute(delete(LoggedModelRow))
    with pytest.raises(IntegrityError):
        predictions.add([row()])
    predictions.add([row()])
    assert predictions.count() == 1


def test_nothing_logged(predictions: Predictions) -> None:
    assert predictions.models_seen() == []
    assert predictions.count() == 0
    assert predictions.last(5) == []
    frame = predictions.frame(MODEL)
    assert len(frame) == 0
    assert {"at", "loudness_lufs", "embedding_31"} <= set(frame.columns)
    predictions.add([])


def test_text_that_no_database_takes_is_made_plain(predictions: Predictions) -> None:
    predictions.add([row(error="a\0b\ud800" + "x" * 9999, caller="n" * 999)])
    (found,) = predictions.last(1)
    assert found.error is not None
    assert found.error.startswith("a�b?x")
    assert (len(found.error), len(found.caller)) == (4096, 200)


def test_forgetting_a_content_drops_its_audio(predictions: Predictions) -> None:
    predictions.add([row(minutes, audio_uri="/kept/cc") for minutes in range(3)])
    predictions.add([row(9, content="d" * 64, audio_uri="/kept/dd")])
    dropped: list[str] = []
    assert predictions.delete_content("c" * 64, dropped.append) == 3
    assert dropped == ["/kept/cc"]
    assert predictions.count() == 1
    assert predictions.delete_content("c" * 64, dropped.append) == 0


def test_old_rows_go_in_batches_and_audio_with_the_last_that_names_it(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.predictions.DELETED_AT_ONCE", 4)
    predictions.add([row(minutes, audio_uri="/kept/cc") for minutes in range(10)])
    predictions.add([row(1, content="d" * 64, audio_uri="/kept/dd")])
    dropped: list[str] = []
    assert predictions.delete_before(START + timedelta(minutes=9), dropped.append) == 10
    assert dropped == ["/kept/dd"]
    assert predictions.count() == 1


def test_rows_stay_where_their_audio_cannot_be_removed(predictions: Predictions) -> None:
    predictions.add([row(audio_uri="/kept/cc")])

    def fail(_uri: str) -> None:
        raise OSError("the disk is away")

    with pytest.raises(OSError, match="away"):
        predictions.delete_content("c" * 64, fail)
    assert predictions.count() == 1


def test_audio_that_cannot_be_removed_keeps_no_others(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.predictions.DELETED_AT_ONCE", 2)
    predictions.add([row(audio_uri="/gone/cc"), row(content="d" * 64, audio_uri="/gone/dd")])
    predictions.add([row(minutes, content=str(minutes) * 64, audio_uri=f"/kept/{minutes}") for minutes in range(1, 6)])
    dropped: list[str] = []

    def drop(uri: str) -> None:
        if uri.startswith("/gone"):
            raise OSError(f"{uri} is away")
        dropped.append(uri)

    with pytest.raises(OSError, match="is away"):
        predictions.delete_before(START + timedelta(days=1), drop)
    assert len(dropped) == 5
    assert {one.audio_uri for one in predictions.last(9)} == {"/gone/cc", "/gone/dd"}


def test_two_that_forget_at_once_leave_no_audio_behind(predictions: Predictions) -> None:
    predictions.add([row(minutes, audio_uri="/kept/cc") for minutes in (0, 5)])
    each = [select(PredictionRow.id).where(PredictionRow.at == START + timedelta(minutes=minutes)) for minutes in (0, 5)]
    both, dropped = threading.Barrier(2), set[str]()

    def meet(_session: Session) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)

    event.listen(Session, "before_commit", meet)
    try:
        with ThreadPoolExecutor(2) as threads:
            gone = threads.map(lambda doomed: sum(predictions._batches(doomed, dropped.add)), each)
            assert sum(gone) == 2
    finally:
        event.remove(Session, "before_commit", meet)
    assert predictions.count() == 0
    assert dropped == {"/kept/cc"}


def test_nobody_waits_for_audio_that_is_removed(predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.database.WAIT_S", 1)
    predictions.add([row(audio_uri="/kept/cc")])

    def drop(_uri: str) -> None:
        other = Database(str(predictions.database._url.render_as_string(hide_password=False)))
        Predictions(other).add([row(9, content="d" * 64)])
        other.close()

    assert predictions.delete_content("c" * 64, drop) == 1
    assert [one.content for one in predictions.last(5)] == ["d" * 64]


def test_who_breaks_off_finds_the_audio_again(predictions: Predictions) -> None:
    predictions.add([row(audio_uri="/kept/cc"), row(1, audio_uri="/kept/cc"), row(2, content="d" * 64)])
    killed, dropped = iter([True, False]), []

    def drop(uri: str) -> None:
        if next(killed):
            raise KeyboardInterrupt
        dropped.append(uri)

    with pytest.raises(KeyboardInterrupt):
        predictions.delete_before(START + timedelta(days=1), drop)
    predictions.delete_before(START + timedelta(days=1), drop)
    assert (predictions.count(), dropped) == (0, ["/kept/cc"])


def test_audio_that_lies_in_two_places_goes_from_both(predictions: Predictions) -> None:
    predictions.add([row(0, audio_uri="/old/cc"), row(1, audio_uri="/old/cc"), row(2, audio_uri="/new/cc"), row(60, audio_uri="/new/cc")])
    dropped: list[str] = []
    assert predictions.delete_before(START + timedelta(minutes=10), dropped.append) == 3
    assert dropped == ["/old/cc"]


def test_a_review_that_comes_while_audio_is_removed_stays(predictions: Predictions) -> None:
    about = row(audio_uri="/kept/cc")
    predictions.add([about])
    gone = predictions.delete_before(START + timedelta(days=1), lambda _uri: Reviews(predictions.database).add(about.id, ["low"], "ann"))
    assert gone == 0
    assert [one.labels for one in Reviews(predictions.database).list()] == [("low",)]


def test_audio_of_a_clip_that_comes_again_while_others_go_stays(predictions: Predictions) -> None:
    predictions.add([row(audio_uri="/kept/cc"), row(1, content="d" * 64, audio_uri="/kept/dd")])
    dropped: list[str] = []

    def drop(uri: str) -> None:
        dropped.append(uri)
        again = "d" if uri == "/kept/cc" else "c"
        predictions.add([row(60, content=again * 64, audio_uri=f"/kept/{2 * again}")])

    assert predictions.delete_before(START + timedelta(minutes=10), drop) == 2
    assert (len(dropped), predictions.count()) == (1, 1)


def test_a_database_that_is_away_is_said() -> None:
    with pytest.raises(DatabaseAway, match="see that it runs"):
        Predictions(Database("postgresql://ann@127.0.0.1:1/timbre")).add([row()])


def test_the_databases_clock(predictions: Predictions) -> None:
    assert abs(predictions.clock() - datetime.now(UTC)) < timedelta(minutes=1)
