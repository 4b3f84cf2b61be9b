"""The predict routes over real HTTP."""

import json

import pytest

from components.tagger import Tagger
from tests.fixtures.running import CODES, RATE, Running
from tests.fixtures.sounds import encoded, sine

SOUND = encoded(sine(440, 1.2, RATE), RATE)
MODEL = {"model_ckpt_path": "production"}


def test_files_give_an_object_each_in_their_order(client, service: Running):
    parts = [("audio_files", (f"{hertz}.wav", encoded(sine(hertz, 2.0, 44100), 44100))) for hertz in (200, 4000)]
    answer = client.post("/model/predict-files", params={**MODEL, "scores": True}, files=parts)
    assert answer.status_code == 200
    tagger = Tagger.open(service.home / "sealed" / "small")
    for got, hertz in zip(answer.json(), (200, 4000), strict=True):
        expected = tagger.predict([encoded(sine(hertz, 2.0, 44100), 44100)]).iloc[0]
        assert [got[code] for code in CODES] == pytest.approx([expected[f"score_{code}"] for code in CODES], abs=1e-5)


def test_without_scores_the_answer_is_yes_or_no(client):
    answer = client.post("/model/predict-files", params=MODEL, files=[("audio_files", ("a.wav", SOUND))])
    assert set(answer.json()[0]) == set(CODES)
    assert set(answer.json()[0].values()) <= {0, 1}
    assert ".0" not in answer.text  # whole numbers


def test_a_file_that_cannot_be_read_does_not_fail_the_others(client):
    parts = [("audio_files", ("a.wav", SOUND)), ("audio_files", ("notes.txt", b"no audio")), ("audio_files", ("b.wav", SOUND))]
    answer = client.post("/model/predict-files", params=MODEL, files=parts)
    assert answer.status_code == 200
    first, failed, last = answer.json()
    assert first == last
    assert failed["error"].startswith("notes.txt is no audio")


def test_a_file_of_no_bytes_is_called_empty(client, service: Running):
    parts = [("audio_files", ("a.wav", SOUND)), ("audio_files", ("b.wav", b""))]
    assert client.post("/model/predict-files", params=MODEL, files=parts).json()[1] == {"error": "b.wav is empty: it holds no bytes"}
    empty = service.home / "data" / "b.wav"
    empty.touch()
    answer = client.post("/model/predict-directory", params=MODEL, json=["clips/0.wav", "b.wav"])
    empty.unlink()
    assert answer.json()["b"] == {"error": "b.wav is empty: it holds no bytes"}


def test_where_none_can_be_read_it_is_400(client):
    answer = client.post("/model/predict-files", params=MODEL, files=[("audio_files", ("notes.txt", b"no audio"))])
    assert answer.status_code == 400
    assert "notes.txt" in answer.json()["detail"]


def test_no_file_is_422_in_the_shape_of_the_contract(client):
    answer = client.post("/model/predict-files", params=MODEL, files=[("other", ("a.wav", SOUND))])
    assert answer.status_code == 422
    assert answer.json() == {"detail": [{"loc": ["body", "audio_files"], "msg": "Field required", "type": "missing"}]}


def test_a_text_where_a_file_is_meant_is_told(client):
    answer = client.post("/model/predict-files", params=MODEL, files={"audio_files": (None, "clip.wav")})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "audio_files", 0]
    assert "-F audio_files=@clip.wav" in answer.json()["detail"][0]["msg"]


def test_no_model_is_422(client):
    answer = client.post("/model/predict-files", files=[("audio_files", ("a.wav", SOUND))])
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["query", "model_ckpt_path"]


def test_another_type_of_body_is_415(client):
    assert client.post("/model/predict-files", params=MODEL, content=SOUND).status_code == 415


def test_a_folder_gives_stems(client):
    answer = client.post("/model/predict-directory", params=MODEL, json=["clips"])
    assert list(answer.json()) == ["0", "1", "2", "one"]


@pytest.mark.parametrize("accept", ["application/x-ndjson", "text/event-stream"])
def test_a_stream_gives_a_clip_a_line_and_says_how_it_ended(client, accept):
    with client.stream("POST", "/model/predict-directory-stream", params=MODEL, json=["clips"], headers={"Accept": accept}) as answer:
        assert answer.headers["content-type"].startswith(accept)
        lines = [line.removeprefix("data: ") for line in answer.iter_lines() if line and not line.startswith("event:")]
    *clips, last = map(json.loads, lines)
    assert [next(iter(clip)) for clip in clips] == ["0", "1", "2", "one"]
    assert last == {"status": "done", "clips": 4, "failed": 0}


@pytest.mark.parametrize("path", ["../data/clips", "/etc/passwd", "~/x.wav", "clips/../../timbre.db", "nowhere.wav", "s3://bucket/key"])
def test_a_path_that_is_not_the_clients_to_name_is_refused(client, service: Running, path):
    answer = client.post("/model/predict-directory", params=MODEL, json=[path])
    assert answer.status_code in (400, 403, 404)
    assert str(service.home) not in answer.text


def test_models_are_what_the_parameter_takes(client):
    for key in client.get("/models").json():
        answer = client.post("/model/predict-files", params={"model_ckpt_path": key}, files=[("audio_files", ("a.wav", SOUND))])
        assert answer.status_code == 200, key
