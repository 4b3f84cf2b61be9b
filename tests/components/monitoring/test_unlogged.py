"""Kept audio of which no prediction is logged goes when it is old enough, from a folder and from S3."""

import os
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from components.monitoring import kept_audio, unlogged
from components.monitoring.kept_audio import Bucket, Folder, Kept, KeptAudio
from components.monitoring.unlogged import drop_unlogged
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from tests.fixtures.buckets import s3_environment

DAY = timedelta(days=1)
NAMES = [blake3(str(number).encode()).hexdigest() for number in range(12)]


@pytest.fixture
def predictions(tmp_path: Path) -> Iterator[Predictions]:
    database = Database(f"sqlite:///{tmp_path}/timbre.db")
    yield Predictions(database)
    database.close()


@pytest.fixture
def place(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "kept")


def keep(place: Folder, predictions: Predictions, name: str, days: float) -> Path:
    """A clip that was last sent so many days ago."""
    place.put(name, b"sound")
    return aged(Path(place.uri(name)), predictions, days)


def aged(path: Path, predictions: Predictions, days: float) -> Path:
    moment = (predictions.clock() - timedelta(days=days)).timestamp()
    os.utime(path, (moment, moment))
    return path


def log(predictions: Predictions, name: str) -> None:
    row = Prediction(
        id=name[:36], at=predictions.clock(), model="a" * 64, model_key="m@aaaaaaaa", labels=("low",), request_id="r", caller="ann",
        latency_ms=1.0, content=name, scores=np.zeros(1, np.float32), decisions=np.zeros(1, bool),
    )  # fmt: skip
    predictions.add([row])


def sweep(place: kept_audio.Place, predictions: Predictions, days: float = 30, most: int = 100) -> int:
    return drop_unlogged(place, predictions, predictions.clock() - timedelta(days=days), most)


def test_old_audio_without_a_row_goes_and_no_other(place: Folder, predictions: Predictions) -> None:
    old, young, logged = (keep(place, predictions, name, days) for name, days in zip(NAMES, (31, 29, 31), strict=False))
    log(predictions, logged.name)  # wherever its row says that the audio lies
    assert sweep(place, predictions) == 1
    assert [path.exists() for path in (old, young, logged)] == [False, True, True]


def test_however_short_the_time_a_row_may_wait_for_a_day(place: Folder, predictions: Predictions) -> None:
    waits, lost = (keep(place, predictions, name, days) for name, days in zip(NAMES, (0.9, 1.1), strict=False))
    assert sweep(place, predictions, days=0.001) == 1
    assert (waits.exists(), lost.exists()) == (True, False)


def test_what_is_sent_again_is_young_again(place: Folder, predictions: Predictions, tmp_path: Path) -> None:
    kept = keep(place, predictions, NAMES[0], 400)
    audio = KeptAudio(place, lambda *_: None, 100)
    with (tmp_path / "sent").open("wb+") as sent:
        assert audio.take(NAMES[0], sent) == str(kept)
    audio.close()
    assert sweep(place, predictions) == 0
    assert kept.exists()


@pytest.mark.parametrize("start", ["0" * 64, NAMES[0][:2] + "0" * 62, NAMES[0][:2] + "f" * 62, "f" * 64])
def test_what_a_writer_left_that_was_killed_goes_and_what_somebody_put_there_stays(
    start: str, place: Folder, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unlogged.secrets, "token_hex", lambda _: start)
    part = keep(place, predictions, NAMES[0], 0).parent
    left, mine, beside = part / f".{'a' * 32}", part / "zzz.wav", part.parent / f".{'a' * 32}"
    for path in (left, mine, beside):
        path.write_bytes(b"sou")
        aged(path, predictions, 31)
    assert sum(sweep(place, predictions) for _ in range(3)) == 1
    assert [path.exists() for path in (left, mine, beside)] == [False, True, True]


def test_each_sweep_looks_at_so_many_and_some_sweeps_come_to_all(
    place: Folder, predictions: Predictions, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[str] = []
    kept = place.kept

    def counted(after: str) -> Iterator[Kept]:
        for one in kept(after):
            looked.append(one.name)
            yield one

    monkeypatch.setattr(place, "kept", counted)
    for name in NAMES:
        keep(place, predictions, name, 31)
        log(predictions, name)
    seen = set()
    for _ in range(1000):
        looked.clear()
        assert sweep(place, predictions, most=3) == 0
        assert len(looked) <= 4  # one ends the round
        seen |= set(looked)
    assert seen == set(NAMES)
    looked.clear()
    assert sweep(place, predictions, most=len(NAMES)) == 0
    assert set(looked) == set(NAMES)


def test_one_that_cannot_be_removed_keeps_no_other(place: Folder, predictions: Predictions, monkeypatch: pytest.MonkeyPatch) -> None:
    files = [keep(place, predictions, name, 31) for name in NAMES]

    def drop(uri: str) -> None:
        if uri.endswith(NAMES[0]):
            raise OSError(13, "Permission denied", uri)
        Path(uri).unlink()

    monkeypatch.setattr("components.monitoring.unlogged.drop", drop)
    with pytest.raises(OSError, match="Permission denied"):
        sweep(place, predictions)
    assert [path for path in files if path.exists()] == [files[0]]


def test_a_folder_that_is_not_there_yet_holds_nothing(place: Folder, predictions: Predictions) -> None:
    assert sweep(place, predictions) == 0


@pytest.mark.slow
def test_a_bucket(predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.s3.remote.PAGE", 3)
    with s3_environment(monkeypatch, tmp_path / "mirror", "kept") as server:
        place = Bucket("s3://kept/clips/")
        for name in NAMES:
            place.put(name, b"sound")
        log(predictions, NAMES[0])
        server.client.put_object(Bucket="kept", Key="clips/other/file", Body=b"mine")
        server.client.put_object(Bucket="kept", Key=NAMES[1], Body=b"not below the prefix")
        assert sweep(place, predictions, days=0) == 0
        monkeypatch.setattr("components.monitoring.unlogged.SPARED", -DAY)  # an object's time cannot be set
        assert sweep(place, predictions, days=-0.5) == len(NAMES) - 1
        left = {one["Key"] for one in server.client.list_objects_v2(Bucket="kept")["Contents"]}
        assert left == {f"clips/{NAMES[0]}", "clips/other/file", NAMES[1]}

        before = server.client.head_object(Bucket="kept", Key=f"clips/{NAMES[0]}")["LastModified"]
        place.put(NAMES[0], b"sound")
        assert server.client.head_object(Bucket="kept", Key=f"clips/{NAMES[0]}")["LastModified"] == before
        monkeypatch.setattr(kept_audio, "RENEWED_S", -1e6)
        place.put(NAMES[0], b"renewed")
        with kept_audio.fetch(place.uri(NAMES[0]), 100) as file:
            assert file.read() == b"renewed"
