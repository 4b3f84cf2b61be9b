"""The test routes over real HTTP."""

import asyncio
import json
import threading

import pytest

from bentos.errors import Refused
from bentos.routes import try_out
from components.evaluation.metrics import measure
from components.labels import from_codes
from components.tagger import Tagger
from tests.fixtures.running import CODES, Running

PARAMS = {"model_ckpt_path": "production"}
CSV = [{"dataset_type": "csv", "dataset_path": "labels.csv"}]


def test_the_metrics_are_those_of_the_tagger_on_the_same_clips(client, service: Running):
    answer = client.post("/model/test-directory", params=PARAMS, json=CSV).json()
    tagger = Tagger.open(service.home / "sealed" / "small")
    files = [service.home / "data" / "clips" / name for name in ("0.wav", "1.wav", "2.wav", "deep/one.wav")]
    frame = tagger.predict(files)
    targets = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 1]]
    expected = measure(frame[[f"score_{code}" for code in CODES]], targets, None, tagger.thresholds, from_codes(CODES, "bands")).values
    for name in ("accuracy", "hamming_distance", "f1", "precision", "recall"):
        assert answer[name] == pytest.approx(expected[name])
    assert answer["predictions"]["one"] == {code: int(code in frame["labels"].iloc[3]) for code in CODES}
    assert not any(name.startswith("instruments/") for name in answer)


def test_metrics_of_each_label_where_asked(client):
    answer = client.post("/model/test-directory", params={**PARAMS, "instrument_metrics": True}, json=CSV).json()
    for name in ("accuracy", "hamming_distance", "f1", "precision", "recall"):
        assert 0 <= answer[f"instruments/low_{name}"] <= 1


def test_the_empty_type_only_loads_the_audio(client):
    answer = client.post("/model/test-directory", params=PARAMS, json=[{"dataset_type": "", "dataset_path": "clips"}]).json()
    assert answer["f1"] is None
    assert list(answer["predictions"]) == ["0", "1", "2", "one"]


def test_the_last_line_of_the_stream_has_the_metrics(client):
    whole = client.post("/model/test-directory", params=PARAMS, json=CSV).json()
    lines = [json.loads(line) for line in client.post("/model/test-directory-stream", params=PARAMS, json=CSV).text.splitlines()]
    *clips, last = lines
    assert {name: one for clip in clips for name, one in clip.items()} == whole.pop("predictions")
    assert last == {"status": "done", "clips": 4, "failed": 0, **whole}


@pytest.mark.parametrize(
    ("kind", "path", "status"),
    [
        ("irmastesting", "clips", 400),
        ("csv", "/etc/passwd", 404),
        ("csv", "../timbre.db", 400),
        ("csv", "clips", 400),
        ("", "nowhere", 404),
    ],
)
def test_data_that_cannot_be_used_is_said_in_a_sentence(client, service: Running, kind, path, status):
    answer = client.post("/model/test-directory", params=PARAMS, json=[{"dataset_type": kind, "dataset_path": path}])
    assert answer.status_code == status, answer.text
    assert isinstance(answer.json()["detail"], str)
    assert str(service.home) not in answer.text


def test_a_table_may_not_name_files_elsewhere(client, service: Running):
    table = service.home / "data" / "elsewhere.csv"
    told = set()
    try:
        for name in ("timbre.db", "nosuch.db"):
            table.write_text(f"file,low,mid,high\n../{name},1,0,0\n")
            answer = client.post("/model/test-directory", params=PARAMS, json=[{"dataset_type": "csv", "dataset_path": "elsewhere.csv"}])
            told.add((answer.status_code, answer.text.replace(name, "")))
    finally:
        table.unlink()
    ((status, text),) = told
    assert status == 400
    assert str(service.home) not in text


@pytest.mark.parametrize("route", [try_out.try_directory, try_out.try_directory_stream])
def test_what_was_copied_is_removed_in_a_thread(monkeypatch: pytest.MonkeyPatch, route):
    removers: list[threading.Thread] = []

    async def opened(request, model, data, stack):
        stack.callback(lambda: removers.append(threading.current_thread()))
        raise Refused(404, "no such path")

    monkeypatch.setattr(try_out, "_opened", opened)
    with pytest.raises(Refused):
        asyncio.run(route(None, "production", []))
    assert len(removers) == 1
    assert removers[0] is not threading.main_thread()
