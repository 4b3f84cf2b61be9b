"""The reviews of a registry, as retraining and the shadow ask for them."""

import hashlib
import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from components.monitoring.stored_reviews import LIVE_DAYS, reviews_of
from components.registry import Registry, leases
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews, lot
from components.registry.tables import now

MODEL, OTHER = "a" * 64, "b" * 64
BEFORE, REGISTERED, AFTER = (now().replace(microsecond=0) + timedelta(hours=hours) for hours in (-2, -1, 0))
NAMES = sorted("abcdefgh", key=lambda name: lot(hashlib.sha256(name.encode()).hexdigest()))  # as the draw has them


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry.open(f"sqlite:///{tmp_path}/timbre.db", tmp_path / "models") as registry:
        yield registry


@pytest.fixture
def at(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the clock by which reviews are dated."""
    return lambda moment: monkeypatch.setattr(leases, "now", lambda: moment)


def log(
    registry: Registry, name: str, model: str = MODEL, audio_uri: str | None = "s3://kept/clip", heard: datetime = BEFORE, *decided: str
) -> str:
    row = Prediction(
        id=str(uuid.uuid4()), at=heard, model=model, model_key=f"m@{model[:8]}", labels=("low", "high"), request_id="r", caller="ann",
        latency_ms=1.0, content=sha(name), audio_uri=audio_uri, scores=np.zeros(2, np.float32),
        decisions=np.array([code in decided for code in ("low", "high")]),
    )  # fmt: skip
    Predictions(registry.database).add([row])
    return row.id


def sha(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


def said(registry: Registry, prediction: str, name: str, drawn: bool = True, *labels: str, replace: bool = False) -> None:
    Reviews(registry.database).add(prediction, labels, "ann", lot(sha(name)) if drawn else None, replace)


def fresh(registry: Registry) -> list[str]:
    """What was reviewed since the candidate was registered, by name."""
    names = {sha(name): name for name in NAMES}
    return [names[one.content] for one in reviews_of(registry).first_reviewed_since(REGISTERED)]


def test_the_shadow_hears_what_the_draw_has_come_past_since(registry: Registry, at: Any) -> None:
    ids = {name: log(registry, name) for name in NAMES}
    first, second, third, fourth, *_ = NAMES
    at(BEFORE)
    said(registry, ids[first], first)
    at(AFTER)
    said(registry, ids[third], third, True, "low")
    at(AFTER + timedelta(seconds=1))
    said(registry, ids[second], second, False)  # chosen as an uncertain one, but the draw has come past it
    said(registry, ids[fourth], fourth, False)
    assert fresh(registry) == [third, second]
    clip = next(iter(reviews_of(registry).first_reviewed_since(REGISTERED)))
    assert (clip.content, clip.codes, clip.known) == (sha(third), frozenset({"low"}), frozenset({"low", "high"}))


def test_a_clip_that_the_candidate_has_learned_is_none_however_it_is_corrected(registry: Registry, at: Any) -> None:
    first, second, *_ = NAMES
    ids = {name: log(registry, name) for name in (first, second)}
    at(BEFORE)
    said(registry, ids[first], first)
    at(AFTER)
    said(registry, ids[first], first, True, "low", replace=True)
    said(registry, log(registry, first, OTHER), first)
    said(registry, ids[second], second)
    said(registry, ids[second], second, True, "high", replace=True)
    assert fresh(registry) == [second]


def test_each_models_draw_is_its_own(registry: Registry, at: Any) -> None:
    first, second, third, *_ = NAMES
    at(AFTER)
    said(registry, log(registry, third, OTHER), third)  # so far one model's draw has come in this week
    said(registry, log(registry, first), first)
    said(registry, log(registry, second), second, False)  # and so far the other's
    assert sorted(fresh(registry)) == sorted([first, third])


def test_reviews_count_for_a_training_where_their_audio_may_be_had(registry: Registry, at: Any, tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes(b"sound")
    uris = {"a": "s3://kept/clip", "b": str(tmp_path / "kept"), "c": str(tmp_path / "gone"), "d": "/" + "x" * 300, "e": None}
    at(BEFORE)
    said(registry, log(registry, "f"), "f")
    at(AFTER)
    for name, uri in uris.items():
        said(registry, log(registry, name, audio_uri=uri), name)
    said(registry, log(registry, "a", OTHER), "a")
    reviews = reviews_of(registry)
    assert reviews.count_since(REGISTERED) == 2
    assert reviews.count_since(None) == 3
    assert reviews.count_since(AFTER) == 0


def test_of_few_reviews_no_f1_is_told(registry: Registry, at: Any) -> None:
    at(AFTER)
    names = sorted((f"clip {place}" for place in range(20)), key=lambda name: lot(sha(name)))
    for name in names[:-1]:
        said(registry, log(registry, name), name, True, "low")
    assert reviews_of(registry).live_f1(MODEL) is None
    said(registry, log(registry, names[-1]), names[-1], True, "low")
    found = reviews_of(registry).live_f1(MODEL)
    assert found is not None
    assert (found.f1, found.clips) == (0.0, 20)


def test_good_months_hide_no_decay(registry: Registry, at: Any) -> None:
    at(AFTER)
    for place in range(60):
        found, days = ("low",) if place < 40 else (), LIVE_DAYS + 1 if place < 40 else LIVE_DAYS - 1
        said(registry, log(registry, str(place), MODEL, "s3://kept/clip", AFTER - timedelta(days=days), *found), str(place), True, "low")
    live = reviews_of(registry).live_f1(MODEL)
    assert live is not None
    assert (live.f1, live.clips) == (0.0, 20)
    at(AFTER + timedelta(days=2))
    assert reviews_of(registry).live_f1(MODEL) is None
