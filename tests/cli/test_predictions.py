"""timbre predictions: what is shown, exported and forgotten."""

import uuid
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from blake3 import blake3
from typer.testing import CliRunner

from components.monitoring.kept_audio import place_of
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from timbre.cli import app

START = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture(autouse=True)
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Audio that two of three predictions name."""
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    file = tmp_path / "kept"
    file.write_bytes(b"sound")
    rows = [
        Prediction(
            id=str(uuid.uuid4()), at=START + timedelta(days=day), model="a" * 64, model_key="m@aaaaaaaa", labels=("low", "high"),
            request_id="r", caller="ann", latency_ms=1.0, content=content * 64, audio_uri=str(file) if content == "c" else None,
            source=f"{content}.wav", scores=np.zeros(2, np.float32), decisions=np.zeros(2, bool),
        )
        for day, content in enumerate("ccd")
    ]  # fmt: skip
    database = Database()
    Predictions(database).add(rows)
    database.close()
    return file


def timbre(*arguments: str):
    return CliRunner().invoke(app, ["predictions", *arguments], catch_exceptions=True)


def test_the_last_are_listed() -> None:
    listed = timbre("list", "--limit", "2").stdout
    assert [line.split()[0] for line in listed.splitlines() if "ann" in line] == ["2026-03-03", "2026-03-02"]
    assert "m@aaaaaaaa" in listed
    assert "d.wav" in listed


def test_a_period_is_exported(tmp_path: Path) -> None:
    file = tmp_path / "log.parquet"
    assert "2 predictions" in timbre("export", str(file), "--model", "m@aaaaaaaa", "--since", "2026-03-02").stdout
    assert pd.read_parquet(file)["score_low"].tolist() == [0, 0]


def test_a_file_is_forgotten_with_its_audio(kept: Path) -> None:
    assert "forgotten: 2 predictions" in timbre("forget", "C" * 64).stdout
    assert not kept.exists()
    assert "forgotten: 0 predictions: nothing is logged of these very bytes" in timbre("forget", "c" * 64).stdout


def test_a_file_itself_names_what_is_to_be_forgotten(kept: Path, tmp_path: Path) -> None:
    database = Database()
    (found,) = Predictions(database).last(1)
    sent = tmp_path / "sent.wav"
    sent.write_bytes(b"sent")
    content = blake3(b"sent").hexdigest()
    Predictions(database).add([replace(found, id=str(uuid.uuid4()), content=content)])
    database.close()
    assert "forgotten: 1 prediction\n" in timbre("forget", str(sent)).stdout
    refused = timbre("forget", str(tmp_path / "other.wav")).exception
    assert "is neither a file nor a BLAKE3" in str(refused)


def test_audio_of_a_prediction_that_was_never_logged_is_forgotten(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_LOG_AUDIO", str(tmp_path / "audio"))
    content = blake3(b"sent").hexdigest()
    left = Path(place_of(str(tmp_path / "audio")).uri(content))
    left.parent.mkdir(parents=True)
    left.write_bytes(b"sent")
    assert "forgotten: 0 predictions" in timbre("forget", content).stdout
    assert not left.exists()
    assert kept.exists()


def test_old_ones_are_pruned(kept: Path) -> None:
    assert "forgotten: 1 prediction\n" in timbre("prune", "--before", "2026-03-02").stdout
    assert kept.exists()
    assert "forgotten: 2 predictions" in timbre("prune", "--before", "1d").stdout
    assert not kept.exists()
    assert "names no moment" in str(timbre("prune", "--before", "").exception)
    assert "is no moment" in str(timbre("prune", "--before", "soon").exception)


def test_a_model_that_has_scored_nothing_is_said() -> None:
    assert "those that have: m@aaaaaaaa" in str(timbre("export", "x.parquet").exception)


def test_looking_makes_no_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/none.db")
    assert "does not exist" in str(timbre("list").exception)
    assert not (tmp_path / "none.db").exists()
