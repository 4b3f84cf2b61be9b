"""The gauges of drift: from the database, by a scrape that never waits for it long."""

import threading
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from bentos import drift_figures, metrics
from bentos.drift_figures import DriftFigures
from components.registry.database import Database
from components.registry.episodes import Episodes, Observation, Watched
from components.registry.errors import DatabaseAway

UNTIL = datetime(2026, 11, 20, 6, tzinfo=UTC)


@pytest.fixture
def episodes(tmp_path: Path) -> Iterator[Episodes]:
    database = Database(f"sqlite:///{tmp_path / 'timbre.db'}")
    yield Episodes(database)
    database.close()


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A scrape waits for a database that answers, however busy the machine is."""
    monkeypatch.setattr(drift_figures, "PATIENCE_S", 60)


def scraped(figures: DriftFigures) -> dict[str, float]:
    lines = metrics.answer(figures).body.decode().splitlines()
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines if line.startswith("timbre_drift"))}


def seen(state: str, model: str, *labels: str) -> Observation:
    about = {"model": model * 64, "model_key": f"m@{model * 8}", "watched_as": model, "since": None, "until": UNTIL}
    return Observation(**about, state=state, sentence="Said.", labels=labels)


def test_a_model_that_drifts_is_one_and_another_zero(episodes: Episodes) -> None:
    episodes.take(seen("drift", "a", "cel", "flu"), "ann")
    episodes.take(seen("no drift", "b"), "ann")
    figures = DriftFigures(episodes.watched)
    assert scraped(figures) == {
        'timbre_drift{kind="drift",model="m@aaaaaaaa"}': 1.0,
        'timbre_drift{kind="drift",model="m@bbbbbbbb"}': 0.0,
        'timbre_drift_label{kind="drift",label="cel",model="m@aaaaaaaa"}': 1.0,
        'timbre_drift_label{kind="drift",label="flu",model="m@aaaaaaaa"}': 1.0,
        'timbre_drift_watched_timestamp_seconds{kind="drift",model="m@aaaaaaaa"}': UNTIL.timestamp(),
        'timbre_drift_watched_timestamp_seconds{kind="drift",model="m@bbbbbbbb"}': UNTIL.timestamp(),
    }
    figures.close()


def test_the_database_is_asked_seldom(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[float] = []

    def read() -> Sequence[Watched]:
        asked.append(time.monotonic())
        return [Watched("m@aaaaaaaa", "drift", UNTIL, "drift", len(asked) == 2, ())]

    figures = DriftFigures(read)
    assert [scraped(figures)['timbre_drift{kind="drift",model="m@aaaaaaaa"}'] for _ in range(3)] == [0.0] * 3
    assert len(asked) == 1
    monkeypatch.setattr(drift_figures, "FRESH_S", 0.0)
    assert scraped(figures)['timbre_drift{kind="drift",model="m@aaaaaaaa"}'] == 1.0
    figures.close()


def test_a_database_that_hangs_or_is_away_holds_no_scrape_up(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    gate = threading.Event()

    def read() -> Sequence[Watched]:
        gate.wait(60)
        raise DatabaseAway("cannot use the database")

    monkeypatch.setattr(drift_figures, "PATIENCE_S", 0.1)
    figures = DriftFigures(read)
    begun = time.monotonic()
    assert scraped(figures) == scraped(figures) == {}
    assert time.monotonic() - begun < 5
    gate.set()
    monkeypatch.setattr(drift_figures, "PATIENCE_S", 60)
    for _ in range(3):
        assert scraped(figures) == {}
    assert caplog.text.count("no figures of drift: cannot use the database") == 1
    figures.close()


def test_old_figures_are_not_told(monkeypatch: pytest.MonkeyPatch, episodes: Episodes) -> None:
    episodes.take(seen("drift", "a"), "ann")
    figures = DriftFigures(episodes.watched)
    assert len(scraped(figures)) == 2
    monkeypatch.setattr(drift_figures, "STALE_S", 0.0)
    assert scraped(figures) == {}
    figures.close()
