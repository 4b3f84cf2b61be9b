"""What people reviewed becomes a data set, and says how good a model is."""

import json
import shutil
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3
from typer.testing import CliRunner, Result

from components.monitoring.review_export import export
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.records import rfc3339
from components.registry.reviews import Reviews, lot
from components.watch_config import RetrainConfig
from tests.fixtures.sounds import encoded, sine, write
from timbre.cli import app

START = datetime(2026, 3, 2, tzinfo=UTC)
RATE = 16000


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/timbre.db")
    monkeypatch.setenv("TIMBRE_DATA_ROOTS", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def reviews(home: Path) -> Reviews:
    """Three clips of model m and one of n: a kept one, one below the data root, one that is gone."""
    return Reviews(Database())


def log(reviews: Reviews, content: bytes, *labels: str, days: int = 0, **given: Any) -> None:
    """A reviewed prediction in which the model had found what was there."""
    known = given.get("labels", ("low", "high"))
    row = Prediction(**{
        "id": str(uuid.uuid4()), "at": START + timedelta(days=days), "model": "a" * 64, "model_key": "m@aaaaaaaa", "labels": known,
        "request_id": "r", "caller": "ann", "latency_ms": 1.0, "content": blake3(content).hexdigest(),
        "scores": np.zeros(len(known), np.float32), "decisions": np.array([code in labels for code in known]), **given,
    })  # fmt: skip
    Predictions(reviews.database).add([row])
    reviews.add(row.id, labels, "ann", lot(str(row.content)))


def timbre(*arguments: str) -> Result:
    return CliRunner().invoke(app, arguments, catch_exceptions=True)


def sound(hertz: float) -> bytes:
    return encoded(sine(hertz, 1.5, RATE), RATE)


def lines(home: Path) -> list[str]:
    return (home / "out" / "labels.csv").read_text().splitlines()


def fill(reviews: Reviews, home: Path) -> None:
    (home / "kept").write_bytes(sound(200))
    write(home / "data" / "a.wav", sine(400, 1.5, RATE), RATE)
    log(reviews, sound(200), "low", audio_uri=str(home / "kept"))
    log(reviews, (home / "data" / "a.wav").read_bytes(), "high", source="a.wav", days=1)
    log(reviews, b"gone", "high", source="b.wav")


def test_reviews_are_a_data_set_that_the_check_takes(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    done = timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines() == ["csv:out/labels.csv", "2 clips; 1 left out, as their audio is gone"]
    first, second = sorted([(blake3(sound(200)).hexdigest(), "1,0"), (blake3(sound(400)).hexdigest(), "0,1")])
    assert lines(home) == ["file,low,high", *(f"audio/{name}.wav,{cells}" for name, cells in (first, second))]
    assert blake3((home / "out" / "audio" / f"{first[0]}.wav").read_bytes()).hexdigest() == first[0]
    checked = timbre("data", "check", "csv:out/labels.csv", "--labels", "CSV")
    assert checked.exit_code == 0, checked.output
    assert "2 clips" in checked.stdout


def test_the_same_reviews_are_the_same_bytes_and_what_was_forgotten_goes(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    (home / "out").mkdir()
    (home / "out" / "notes.txt").write_text("mine")
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    before = {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()}
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    assert {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()} == before
    assert len(before) == 5
    Predictions(reviews.database).delete_content(blake3(sound(200)).hexdigest())
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    assert len(lines(home)) == 2
    assert len(list((home / "out").rglob("*.wav"))) == 1
    assert (home / "out" / "notes.txt").exists()


def test_what_was_forgotten_goes_where_nothing_is_left(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    (home / "out" / "notes.txt").write_text("mine")
    for one in reviews.list():
        Predictions(reviews.database).delete_content(one.content)
    refused = timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa").exception
    assert "there is nothing to export" in str(refused)
    assert [path.name for path in (home / "out").rglob("*") if path.is_file()] == ["notes.txt"]


def test_forgetting_a_clip_takes_it_out_of_what_retraining_exported(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    made = export(reviews.list(), ("low", "high"), home / RetrainConfig().folder / "retrain-aaaaaaaaaaaaaaaa-drift-1-0123456789ab")
    content = blake3(sound(200)).hexdigest()
    assert content in made.table.read_text()
    assert "forgotten: 1 prediction, and the clip in 1 export of retraining\n" in timbre("predictions", "forget", content).stdout
    assert [path for path in made.table.parent.rglob("*") if path.is_file() and content in f"{path}{path.read_bytes()!r}"] == []
    assert len(made.table.read_text().splitlines()) == 2
    assert "forgotten: 0 predictions: nothing is logged" in timbre("predictions", "forget", content).stdout


def test_how_each_review_came_about_lies_beside(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    kept = next(one for one in reviews.list() if one.audio_uri)
    corrected = reviews.add(kept.prediction_id, ["high"], "bob", replace=True, opinion_shown=True)
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    told = [json.loads(line) for line in (home / "out" / "reviews.jsonl").read_text().splitlines()]
    assert [one["file"] for one in told] == [line.split(",")[0] for line in lines(home)[1:]]
    (found,) = [one for one in told if kept.content in one["file"]]
    assert (found["model"], found["sampled_p"], found["opinion_shown"]) == ("a" * 64, lot(kept.content), True)
    assert found["at"] == rfc3339(corrected.at)
    assert [one["opinion_shown"] for one in told if one is not found] == [None]
    assert "bob" not in (home / "out" / "reviews.jsonl").read_text()


def test_a_label_that_nobody_was_asked_for_is_unknown(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    other = {"model": "b" * 64, "model_key": "n@bbbbbbbb", "labels": ("high", "mid"), "source": "a.wav"}
    log(reviews, (home / "data" / "a.wav").read_bytes(), "mid", **other)
    shutil.rmtree(home / "out", ignore_errors=True)
    assert timbre("data", "export-reviews", "out", "--model", "n@bbbbbbbb").exit_code == 0
    by_name = dict(line.split(",", 1) for line in lines(home)[1:])
    assert lines(home)[0] == "file,high,mid"
    assert by_name[f"audio/{blake3(sound(200)).hexdigest()}.wav"] == "0,"
    assert by_name[f"audio/{blake3(sound(400)).hexdigest()}.wav"] == "0,1"  # the later review counts


def test_where_all_audio_is_away_for_a_while_an_earlier_export_stays(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa")
    before = {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()}
    (home / "kept").unlink()
    (home / "data" / "a.wav").unlink()
    refused = timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa").exception
    assert "of 3 reviewed clips no audio is left" in str(refused)
    assert {path: path.read_bytes() for path in (home / "out").rglob("*") if path.is_file()} == before


def test_only_what_was_scored_since(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    assert "1 clip\n" in timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa", "--since", "2026-03-03").stdout


def test_nothing_to_export_is_a_sentence(reviews: Reviews, home: Path) -> None:
    log(reviews, b"gone", "high", source="b.wav")
    refused = timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa").exception
    assert "of 1 reviewed clip no audio is left: there is nothing to export" in str(refused)
    assert "no clip has been reviewed yet" in str(
        timbre("data", "export-reviews", "out", "--model", "m@aaaaaaaa", "--since", "2027-01-01").exception
    )
    assert "those that have: m@aaaaaaaa" in str(timbre("data", "export-reviews", "out").exception)
    assert not (home / "out").exists()


def test_live_performance_as_a_table_and_as_json(reviews: Reviews, home: Path) -> None:
    fill(reviews, home)
    told = timbre("predictions", "performance", "--model", "m@aaaaaaaa").stdout
    assert "3 reviews speak for 3 clips" in told
    assert "high" in told
    found = json.loads(timbre("predictions", "performance", "--model", "m@aaaaaaaa", "--json").stdout)
    assert (found["sample"], found["macro_f1"]["value"]) == (3, 1.0)
    assert "no clip that was drawn by lot" in timbre("predictions", "performance", "--model", "m@aaaaaaaa", "--since", "2027-01-01").stdout
