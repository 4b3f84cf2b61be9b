"""How the review queue looks for clips whose bytes can be had."""

import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from sqlalchemy import Engine, event

from bentos import reviewing
from bentos.sources import Sources
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions

MODEL, SOUND = "a" * 64, b"sound"
GONE = 450


@pytest.fixture
def context(tmp_path: Path) -> Iterator[Any]:
    """A log in whose queue clips whose file is gone come before one that is there."""
    (tmp_path / "a.wav").write_bytes(SOUND)
    database = Database(f"sqlite:///{tmp_path / 'timbre.db'}")
    rows = [prediction(blake3(b"%d" % place).hexdigest(), "gone.wav", 0.5, place) for place in range(GONE)]
    Predictions(database).add([*rows, prediction(blake3(SOUND).hexdigest(), "a.wav", 0.99)])
    offer = SimpleNamespace(digest=MODEL, settings=SimpleNamespace(thresholds=(0.5,), task="multilabel"))
    yield SimpleNamespace(
        catalogue=SimpleNamespace(find=lambda _key: offer),
        registry=SimpleNamespace(database=database),
        sources=Sources([tmp_path], [], 100, 1),
    )
    database.close()


def prediction(content: str, source: str, score: float, minutes: int = 0) -> Prediction:
    return Prediction(
        id=str(uuid.uuid4()), at=datetime(2026, 3, 1, tzinfo=UTC) + timedelta(minutes=minutes), model=MODEL, model_key="m@aaaaaaaa",
        labels=("low",), request_id="r", caller="ann", latency_ms=1.0, content=content, source=source,
        scores=np.array([score], np.float32), decisions=np.array([True]),
    )  # fmt: skip


@pytest.fixture
def statements() -> Iterator[list[str]]:
    """What is asked of databases."""
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if statement.startswith("SELECT"):
            asked.append(statement)

    event.listen(Engine, "before_cursor_execute", note)
    yield asked
    event.remove(Engine, "before_cursor_execute", note)


def test_clips_whose_files_are_gone_are_looked_up_together(context: Any, statements: list[str]):
    reviewing.ask(context, "production", None, 1)  # the first opens the database
    statements.clear()
    asked = reviewing.ask(context, "production", None, 1)
    assert [asked.logged[one.row].source for one in asked.candidates] == ["a.wav"]
    assert len(statements) < GONE / 20


def test_only_what_may_be_there_is_looked_at_and_once(context: Any):
    looked: list[str | None] = []

    def is_there(about: Prediction) -> bool:
        looked.append(about.source)
        return False

    assert reviewing.ask(context, "production", None, 9, is_there=is_there).candidates == []
    assert looked == ["a.wav"]
