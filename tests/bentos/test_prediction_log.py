"""What the service logs of the clips that it scores, over real HTTP."""

import json
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3

from components.registry import Registry
from components.registry.predictions import Predictions
from components.registry.tables import now
from tests.fixtures.running import CODES, RATE, Running, furnish, running, until
from tests.fixtures.sounds import encoded, sine

MODEL = {"model_ckpt_path": "production"}
SOUND = encoded(np.stack([sine(440, 1.2, 44100)] * 2, axis=1), 44100)


def part(content: bytes = SOUND, name: str = "a.wav") -> tuple[str, tuple[str, bytes]]:
    return "audio_files", (name, content)


def rows(service: Running, request_id: str, count: int):
    """The rows of a request, as soon as they are all there."""
    with service.registry() as registry:
        predictions = Predictions(registry.database)
        digest = registry.look_up("production").digest

        def look():
            frame = predictions.frame(digest, now() - timedelta(hours=1))
            found = frame[frame["request_id"] == request_id]
            return [found] if len(found) == count else None  # a frame itself is neither true nor false

        return until(look)[0]


def test_an_upload_is_logged_with_what_was_learnt_of_it(client, service: Running):
    headers = {"X-Request-ID": "upload-1"}
    answer = client.post("/model/predict-files", params={**MODEL, "scores": True}, files=[part()], headers=headers)
    row = rows(service, "upload-1", 1).iloc[0]
    assert row["id"] == answer.headers["X-Prediction-IDs"]
    assert row["caller"] == "admin"
    assert row["content"] == blake3(SOUND).hexdigest()
    assert (row["sample_rate"], row["channels"], row["duration_s"]) == (44100, 2, 1.2)
    assert [row[f"score_{code}"] for code in CODES] == pytest.approx([answer.json()[0][code] for code in CODES], abs=1e-6)
    assert [row[f"decision_{code}"] for code in CODES] == [int(row[f"score_{code}"] >= 0.5) for code in CODES]
    assert row["peak_db"] == pytest.approx(-6.02, abs=0.2)
    assert row["loudness_lufs"] == pytest.approx(-9.7, abs=0.5)
    assert (row["silent_share"], row["clipped_share"]) == (0, 0)
    assert 0 < row["latency_ms"] < 60_000
    assert row[["source", "audio_uri", "error"]].isna().all()


def test_a_file_that_cannot_be_read_is_logged_with_its_error(client, service: Running):
    headers = {"X-Request-ID": "failed-1"}
    client.post("/model/predict-files", params=MODEL, files=[part(), part(b"no audio", "notes.txt")], headers=headers)
    found = rows(service, "failed-1", 2).set_index("content")
    failed = found.loc[blake3(b"no audio").hexdigest()]
    assert failed["error"].startswith("notes.txt is no audio")
    assert np.isnan(failed["score_low"])
    assert np.isnan(failed["duration_s"])


@pytest.mark.parametrize("route", ["predict-directory", "predict-directory-stream"])
def test_paths_are_logged_as_the_client_named_them(client, service: Running, route):
    answer = client.post(f"/model/{route}", params=MODEL, json=["clips"], headers={"X-Request-ID": route})
    found = rows(service, route, 4).set_index("source")
    assert sorted(found.index) == ["clips/0.wav", "clips/1.wav", "clips/2.wav", "clips/deep/one.wav"]
    content = (service.home / "data" / "clips" / "0.wav").read_bytes()
    assert found.loc["clips/0.wav", "content"] == blake3(content).hexdigest()
    assert found.loc["clips/0.wav", "sample_rate"] == RATE
    assert ("X-Prediction-IDs" in answer.headers) == (route == "predict-directory")


def test_ids_are_in_the_answer_where_they_are_asked_for(client, service: Running):
    plain = client.post("/model/predict-directory", params=MODEL, json=["clips"]).json()
    told = client.post("/model/predict-directory", params={**MODEL, "ids": True}, json=["clips"], headers={"X-Request-ID": "ids-1"})
    ids = {name: answer.pop("prediction_id") for name, answer in told.json().items()}
    assert ",".join(ids.values()) == told.headers["X-Prediction-IDs"]
    assert set(rows(service, "ids-1", 4)["id"]) == set(ids.values())
    assert {name: {code: answer[code] for code in CODES} for name, answer in plain.items()} == plain
    lines = client.post("/model/predict-directory-stream", params={**MODEL, "ids": True}, json=["clips"]).text.splitlines()
    assert all("prediction_id" in clip for line in lines[:-1] for clip in json.loads(line).values())


def test_more_than_32_ids_are_not_put_into_a_header(client):
    assert "X-Prediction-IDs" in client.post("/model/predict-files", params=MODEL, files=[part()] * 32).headers
    assert "X-Prediction-IDs" not in client.post("/model/predict-files", params=MODEL, files=[part()] * 33).headers


def test_a_test_is_not_logged(client, service: Running):
    data = [{"dataset_type": "csv", "dataset_path": "labels.csv"}]
    assert client.post("/model/test-directory", params=MODEL, json=data, headers={"X-Request-ID": "test-1"}).status_code == 200
    client.post("/model/predict-files", params=MODEL, files=[part()], headers={"X-Request-ID": "after-1"})
    rows(service, "after-1", 1)  # rows are written in their order
    assert rows(service, "test-1", 0).empty


def test_figures_tell_what_was_logged(client, service: Running):
    client.post("/model/predict-files", params=MODEL, files=[part()])

    def look() -> bool:
        text = client.get("/metrics").text
        return 'timbre_prediction_log_rows_total{outcome="written"}' in text and "timbre_prediction_log_waiting 0.0" in text

    until(look)


def test_a_stop_loses_nothing_and_the_log_may_be_off(tmp_path: Path):
    keys = furnish(tmp_path)
    with running(tmp_path, keys) as service, service.client() as client:
        for _ in range(3):
            client.post("/model/predict-files", params=MODEL, files=[part()] * 20)
    url = f"sqlite:///{tmp_path / 'timbre.db'}"
    with Registry(url, tmp_path / "models") as registry:
        assert Predictions(registry.database).count() == 60
        with running(tmp_path, keys, TIMBRE_PREDICTION_LOG="false") as service, service.client() as client:
            answer = client.post("/model/predict-files", params={**MODEL, "ids": True}, files=[part()])
            assert answer.json()[0]["prediction_id"] is None
            assert "X-Prediction-IDs" not in answer.headers
        assert Predictions(registry.database).count() == 60


def test_audio_is_kept_where_the_settings_say(tmp_path: Path):
    keys = furnish(tmp_path)
    with running(tmp_path, keys, TIMBRE_LOG_AUDIO=str(tmp_path / "kept")) as service, service.client() as client:
        client.post("/model/predict-files", params=MODEL, files=[part()] * 2, headers={"X-Request-ID": "kept-1"})
        found = rows(service, "kept-1", 2)
    (uri,) = set(found["audio_uri"])
    assert Path(uri).read_bytes() == SOUND
    assert [path for path in (tmp_path / "kept").rglob("*") if path.is_file()] == [Path(uri)]
