"""What the log has held for long enough is forgotten, with its audio, day after day."""

import asyncio
import logging
import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from starlette.testclient import TestClient

from bentos import retention
from bentos.app import create_app
from bentos.config import ServiceConfig
from components.registry import Registry
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews
from tests.fixtures.running import until


@pytest.fixture
def predictions(tmp_path: Path) -> Iterator[Predictions]:
    database = Database(f"sqlite:///{tmp_path}/timbre.db")
    yield Predictions(database)
    database.close()


def log(predictions: Predictions, name: str, days: float, audio: Path | None = None) -> None:
    """A prediction of so many days ago, whose audio is kept where a file is named."""
    if audio is not None:
        audio.write_bytes(b"sound")
    row = Prediction(
        id=name, at=predictions.clock() - timedelta(days=days), model="a" * 64, model_key="m@aaaaaaaa", labels=("low",), request_id="r",
        caller="ann", latency_ms=1.0, content=name * 64, audio_uri=None if audio is None else str(audio), scores=np.zeros(1, np.float32),
        decisions=np.zeros(1, bool),
    )  # fmt: skip
    predictions.add([row])


def ids(predictions: Predictions) -> list[str]:
    return sorted(one.id for one in predictions.last(10))


def test_what_is_older_goes_with_its_audio_and_what_was_reviewed_stays(predictions: Predictions, tmp_path: Path) -> None:
    for name, days in (("a", 31), ("b", 29), ("c", 32)):
        log(predictions, name, days, tmp_path / name)
    Reviews(predictions.database).add("c", ["low"], "ann")
    assert retention.sweep(predictions, 30) == 1
    assert ids(predictions) == ["b", "c"]
    assert [(tmp_path / name).exists() for name in "abc"] == [False, True, True]


def test_a_day_on_which_it_fails_is_not_the_last(
    predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "timbre.service")
    log(predictions, "a", 31, tmp_path / "a")
    said = iter([RuntimeError("no such host"), None])

    def drop(uri: str) -> None:
        if (error := next(said)) is not None:
            raise OSError(5, "S3 does not remove it", uri) from error
        Path(uri).unlink()

    days: list[float] = []

    async def sleep(seconds: float) -> None:
        days.append(seconds)
        if len(days) > 3:
            raise asyncio.CancelledError

    monkeypatch.setattr(retention.kept_audio, "drop", drop)
    monkeypatch.setattr(retention.asyncio, "sleep", sleep)
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(retention.keep_short(predictions, 30))
    assert (ids(predictions), (tmp_path / "a").exists()) == ([], False)
    assert "old predictions stay for another day" in caplog.text
    assert retention.FIRST_S <= days[0] <= 2 * retention.FIRST_S
    assert days[1:] == [retention.DAY_S] * 3


def test_audio_of_which_nothing_is_logged_goes_too(predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def sleep(seconds: float) -> None:
        if seconds == retention.DAY_S:
            raise asyncio.CancelledError

    monkeypatch.setattr(retention.asyncio, "sleep", sleep)
    place, names = retention.kept_audio.Folder(tmp_path / "kept"), ("a" * 64, "b" * 64)
    for name in names:
        place.put(name, b"sound")
    os.utime(place.uri(names[0]), (0, 0))
    with pytest.raises(asyncio.CancelledError):
        asyncio.run(retention.keep_short(predictions, 30, place))
    assert [Path(place.uri(name)).exists() for name in names] == [False, True]


def test_audio_stays_where_the_database_is_away(predictions: Predictions, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING, "timbre.service")
    place = retention.kept_audio.Folder(tmp_path / "kept")
    place.put("a" * 64, b"sound")
    os.utime(place.uri("a" * 64), (0, 0))
    (tmp_path / "timbre.db").write_bytes(b"no database" * 1000)
    assert retention.sweep_audio(place, predictions, 30) == 0
    assert Path(place.uri("a" * 64)).exists()
    assert "stays for another day" in caplog.text


def test_more_days_than_time_has_keep_everything(predictions: Predictions) -> None:
    log(predictions, "a", 9999)
    assert retention.sweep(predictions, 1e9) == 0
    assert ids(predictions) == ["a"]


def test_a_service_sweeps_where_it_keeps_audio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    monkeypatch.setattr(retention, "FIRST_S", 0.0)
    place = retention.kept_audio.Folder(tmp_path / "kept")
    place.put("a" * 64, b"sound")
    os.utime(place.uri("a" * 64), (0, 0))
    with Registry() as registry:
        registry.database.ask()
    with TestClient(create_app(ServiceConfig(page=False, log_audio=str(tmp_path / "kept")))):
        until(lambda: not Path(place.uri("a" * 64)).exists())
