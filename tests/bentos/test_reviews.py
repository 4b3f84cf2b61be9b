"""Reviews over HTTP: what is asked, heard, said, and what comes of it."""

import tempfile
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from blake3 import blake3
from starlette.testclient import TestClient

from bentos import reviewing
from bentos.app import create_app
from bentos.config import ServiceConfig
from components.registry import Registry
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.reviews import Reviews, lot
from components.registry.tables import AuditRow, now
from tests.fixtures.running import CODES, RATE, furnish
from tests.fixtures.sounds import encoded, sine
from timbre.client import Client, Conflict

CLIPS = ("clips/0.wav", "clips/1.wav", "clips/2.wav", "clips/deep/one.wav")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("reviews")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{home / 'timbre.db'}")
        patch.setenv("TIMBRE_MODELS", str(home / "models"))
        patch.setattr(tempfile, "tempdir", str(home))
        yield home


@pytest.fixture(scope="module")
def keys(home: Path) -> dict[str, str]:
    return furnish(home)


@pytest.fixture(scope="module")
def site(home: Path, keys: dict[str, str]) -> Iterator[TestClient]:
    config = ServiceConfig.model_validate({"data_roots": [home / "data"], "page": False, "max_body_mib": 0.2})
    with TestClient(create_app(config), "http://localhost", raise_server_exceptions=False) as client:
        yield client


@pytest.fixture
def client(site: TestClient, keys: dict[str, str]) -> TestClient:
    site.headers["X-API-Key"] = keys["review"]
    return site


@pytest.fixture
def registry(home: Path, keys: dict[str, str]) -> Iterator[Registry]:
    """With a log that is empty."""
    with Registry() as registry:
        yield registry
        log = Predictions(registry.database)
        for one in log.last(1000):
            log.delete_content(str(one.content))


def log(registry: Registry, content: bytes, scores: tuple[float, ...], days: float = 0.01, **given: object) -> str:
    """A prediction of the model in production; its id."""
    values = np.array(scores, np.float32)
    row = Prediction(**{
        "id": str(uuid.uuid4()), "at": now() - timedelta(days=days), "model": registry.look_up("production").digest, "model_key": "small",
        "labels": tuple(CODES), "request_id": "r", "caller": "ann", "latency_ms": 1.0, "content": blake3(content).hexdigest(),
        "scores": values, "decisions": values >= 0.5, **given,
    })  # fmt: skip
    Predictions(registry.database).add([row])
    return row.id


def log_clips(registry: Registry, home: Path) -> dict[str, str]:
    """source -> id of the clips below the data root, the first one the most uncertain."""
    scores = [(0.52, 0.01, 0.01), (0.01, 0.6, 0.01), (0.01, 0.01, 0.7), (0.99, 0.99, 0.99)]
    return {
        source: log(registry, (home / "data" / source).read_bytes(), one, source=source) for source, one in zip(CLIPS, scores, strict=True)
    }


def say(client: TestClient, prediction: str, *labels: str, **more: object):
    return client.post(f"/api/v1/predictions/{prediction}/review", json={"labels": labels, **more})


def test_the_queue_has_the_most_uncertain_first_and_a_fourth_by_lot(client: TestClient, registry: Registry, home: Path):
    ids = log_clips(registry, home)
    answer = client.get("/api/v1/review-queue").json()
    assert (answer["model"], answer["waiting"]) == (registry.look_up("production").key, 4)
    assert [one["prediction_id"] for one in answer["items"]] == list(ids.values())
    first, *_, last = answer["items"]
    assert first["scores"] == {"low": pytest.approx(0.52), "mid": pytest.approx(0.01), "high": pytest.approx(0.01)}
    assert (first["decisions"], first["label"], first["sampled_p"]) == (["low"], "low", None)
    assert first["distance"] == pytest.approx(np.log(0.52 / 0.48), abs=1e-4)
    assert last["sampled_p"] == lot(last["content"])
    assert str(home) not in str(answer)


def test_what_cannot_be_heard_is_not_asked(client: TestClient, registry: Registry, home: Path, tmp_path: Path):
    fine, kept = (home / "data" / CLIPS[0]).read_bytes(), encoded(sine(300, 1, RATE), RATE)
    (tmp_path / "kept").write_bytes(kept)
    log(registry, fine, (0.5, 0, 0), source=CLIPS[0])
    log(registry, b"changed since", (0.5, 0, 0), source=CLIPS[1])
    log(registry, b"gone", (0.5, 0, 0), source="clips/gone.wav", audio_uri=str(tmp_path / "gone"))
    log(registry, b"outside", (0.5, 0, 0), source="/etc/hostname")
    log(registry, b"upload", (0.5, 0, 0))
    log(registry, b"failed", (0.5, 0, 0), source=CLIPS[2], error="it is empty")
    log(registry, kept, (0.6, 0, 0), audio_uri=str(tmp_path / "kept"))
    log(registry, b"old", (0.5, 0, 0), days=40, source=CLIPS[0])
    found = client.get("/api/v1/review-queue").json()["items"]
    assert [one["content"] for one in found] == [blake3(one).hexdigest() for one in (fine, kept)]
    assert [client.get(one["audio"]).content for one in found] == [fine, kept]


def test_what_is_gone_at_the_front_of_the_queue_hides_nothing_behind_it(
    client: TestClient, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(reviewing, "MOST_LOOKED_AT", 2)
    for place in range(6):
        log(registry, b"gone %d" % place, (0.5, 0, 0), source="clips/gone.wav", audio_uri=str(tmp_path / "gone") if place % 2 else None)
    fine = {log(registry, (home / "data" / name).read_bytes(), (0.9, 0, 0), source=name) for name in CLIPS[:3]}
    found = {one["prediction_id"] for one in client.get("/api/v1/review-queue").json()["items"]}
    assert (len(found), found < fine) == (2, True)
    monkeypatch.setattr(reviewing, "MOST_LOOKED_UP", 1)
    assert client.get("/api/v1/review-queue").json()["items"] == []


def test_what_is_forgotten_while_the_queue_looks_is_not_asked(
    client: TestClient, registry: Registry, home: Path, monkeypatch: pytest.MonkeyPatch
):
    first, *others = log_clips(registry, home).values()
    pool = Reviews.pool

    def forgotten(*given: Any):
        found = pool(*given)
        Predictions(registry.database).delete_content(blake3((home / "data" / CLIPS[0]).read_bytes()).hexdigest())
        return found

    monkeypatch.setattr(Reviews, "pool", forgotten)
    items = client.get("/api/v1/review-queue").json()["items"]
    assert {one["prediction_id"] for one in items} == set(others)
    assert first not in str(items)


def test_a_clip_is_given_as_it_was_sent(client: TestClient, registry: Registry, home: Path):
    (first, *_) = log_clips(registry, home).values()
    answer = client.get(f"/api/v1/predictions/{first}/audio")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "audio/wav")
    assert answer.content == (home / "data" / CLIPS[0]).read_bytes()
    assert int(answer.headers["content-length"]) == len(answer.content)


@pytest.mark.parametrize(
    "given",
    [{"source": "clips/1.wav"}, {"source": "../timbre.db"}, {"source": "/etc/passwd"}, {"source": "clips"}, {"source": "s3://a/b"}, {},
     {"audio_uri": "/etc/passwd"}, {"audio_uri": "/dev/zero"}, {"audio_uri": "\x01"}],
)  # fmt: skip
def test_no_other_file_is_given(client: TestClient, registry: Registry, given: dict[str, str]):
    answer = client.get(f"/api/v1/predictions/{log(registry, b'x', (0, 0, 0), **given)}/audio")
    assert answer.status_code == 404
    assert answer.json()["detail"].startswith("the audio of this prediction is not where this service may read it")


def test_a_link_out_of_the_data_root_is_not_followed(client: TestClient, registry: Registry, home: Path):
    secret = home / "secret.wav"
    secret.write_bytes(b"RIFF secret")
    (home / "data" / "link.wav").symlink_to(secret)
    about = log(registry, secret.read_bytes(), (0, 0, 0), source="link.wav")
    assert client.get(f"/api/v1/predictions/{about}/audio").status_code == 404
    kept = log(registry, b"RIFF secret", (0, 0, 0), audio_uri=str(home / "data" / "link.wav"))
    assert client.get(f"/api/v1/predictions/{kept}/audio").status_code == 404


def test_a_review_is_kept_and_its_clip_comes_no_more(client: TestClient, registry: Registry, home: Path):
    ids = log_clips(registry, home)
    answer = say(client, ids[CLIPS[0]], "high", "low")
    assert answer.status_code == 200
    made = answer.json()
    assert (made["prediction_id"], made["labels"], made["reviewer"], made["sampled_p"]) == (ids[CLIPS[0]], ["low", "high"], "review", None)
    assert made["opinion_shown"] is None
    assert say(client, ids[CLIPS[1]], opinion_shown=True).json()["opinion_shown"] is True
    queue = client.get("/api/v1/review-queue").json()
    assert queue["waiting"] == 2
    assert not {ids[CLIPS[0]], ids[CLIPS[1]]} & {one["prediction_id"] for one in queue["items"]}


def test_a_second_review_is_a_correction_or_none(client: TestClient, registry: Registry, home: Path):
    (first, *_) = log_clips(registry, home).values()
    assert say(client, first, "low").status_code == 200
    refused = say(client, first, "mid")
    assert refused.status_code == 409
    assert "send replace to correct that" in refused.json()["detail"]
    assert say(client, first, "mid", replace=True).json()["labels"] == ["mid"]
    (entry,) = [one for one in registry.audit("production") if one.action == "review replaced"]
    assert (entry.who, entry.detail["before"]["labels"], entry.detail["labels"]) == ("review", ["low"], ["mid"])
    with registry.database.write() as session:
        session.query(AuditRow).filter(AuditRow.action == "review replaced").delete()


def test_what_does_not_fit_is_told(client: TestClient, registry: Registry, home: Path):
    ids = log_clips(registry, home)
    failed = log(registry, b"failed", (0, 0, 0), error="it is empty")
    assert say(client, str(uuid.uuid4())).status_code == 404
    assert say(client, "%0a").status_code == 404
    assert say(client, failed).status_code == 409
    first = ids[CLIPS[0]]
    for body, where in (
        ({"labels": ["low", "drum"]}, ["body", "labels", 1]),
        ({"labels": ["low", "low"]}, ["body", "labels", 1]),
        ({"labels": ["low"], "sampled_p": 0.5}, ["body", "sampled_p"]),
        ({"labels": "low"}, ["body", "labels"]),
        ({"labels": [], "who": "me"}, ["body", "who"]),
        ({"labels": [], "opinion_shown": "perhaps"}, ["body", "opinion_shown"]),
        ({}, ["body", "labels"]),
    ):
        answer = client.post(f"/api/v1/predictions/{first}/review", json=body)
        assert answer.status_code == 422
        (fault,) = answer.json()["detail"]
        assert (fault["loc"], set(fault)) == (where, {"loc", "msg", "type"})
    assert client.get("/api/v1/review-queue").json()["waiting"] == 4


def test_live_performance_stands_on_the_draw(client: TestClient, registry: Registry, home: Path):
    log_clips(registry, home)
    nothing = client.get("/api/v1/performance").json()
    assert (nothing["sample"], nothing["macro_f1"]) == (0, {"value": None, "low": 0, "high": 1})
    items = client.get("/api/v1/review-queue").json()["items"]
    drawn = items[3]
    for one in items:
        told = {"sampled_p": lot(one["content"])} if one is drawn else {}
        assert say(client, one["prediction_id"], *one["decisions"], **told).status_code == 200
    answer = client.get("/api/v1/performance", params={"since": "1d"}).json()
    passed = sum(lot(one["content"]) <= drawn["sampled_p"] for one in items)
    assert (answer["sample"], answer["other"], answer["contents"], answer["missing"]) == (passed, 4 - passed, 4, 0)
    assert answer["macro_f1"]["value"] == 1
    assert answer["macro_f1"]["low"] < 1
    assert [one["label"] for one in answer["labels"]] == CODES


def test_detection_rates_by_day_and_week(client: TestClient, registry: Registry, home: Path):
    log_clips(registry, home)
    log(registry, b"then", (0.9, 0, 0), days=20)
    answer = client.get("/api/v1/detection-rates").json()
    assert [one["clips"] for one in answer["items"]] == [1, 4]
    assert answer["items"][1]["rates"]["mid"]["value"] == 0.5
    assert 0 < answer["items"][1]["rates"]["mid"]["low"] < 0.5
    weekly = client.get("/api/v1/detection-rates", params={"every": "week", "since": "15d"}).json()
    assert (weekly["every"], [one["clips"] for one in weekly["items"]]) == ("week", [4])


@pytest.mark.parametrize("route", ["review-queue", "performance", "detection-rates"])
@pytest.mark.parametrize(
    ("params", "status"),
    [({"model": "none"}, 404), ({"since": "soon"}, 400), ({"since": "999999w"}, 400), ({"since": "0001-01-01T00:00+14:00"}, 400),
     ({"model": "x" * 400}, 422), ({"since": ""}, 200), ({"since": "9999-12-31"}, 200), ({"model": "other"}, 200)],
)  # fmt: skip
def test_parameters(client: TestClient, registry: Registry, route: str, params: dict[str, str], status: int):
    assert client.get(f"/api/v1/{route}", params=params).status_code == status


def test_reviews_want_a_scope_of_their_own(site: TestClient, keys: dict[str, str]):
    for scope, status in (("predict", 403), ("models", 403), ("review", 404), ("admin", 404)):
        site.headers["X-API-Key"] = keys[scope]
        assert say(site, str(uuid.uuid4())).status_code == status
        assert site.get(f"/api/v1/predictions/{uuid.uuid4()}/audio").status_code == status
        for route in ("review-queue", "performance", "detection-rates"):
            assert site.get(f"/api/v1/{route}", params={"model": "none"}).status_code == status


def test_the_client_reviews(client: TestClient, keys: dict[str, str], registry: Registry, home: Path):
    log_clips(registry, home)

    def forward(request: httpx.Request) -> httpx.Response:
        headers = {name: request.headers[name] for name in ("content-type", "x-api-key") if name in request.headers}
        answer = client.request(request.method, str(request.url), content=request.content, headers=headers)
        return httpx.Response(answer.status_code, content=answer.content)

    with Client("http://localhost", keys["review"]) as timbre:
        timbre._http._transport = httpx.MockTransport(forward)
        found = timbre.review_queue(limit=4)
        assert [one.label for one in found[:3]] == CODES
        for one in found:
            made = timbre.review(one.prediction_id, one.decisions, sampled_p=one.sampled_p, opinion_shown=True)
            assert (made.labels, made.sampled_p, made.opinion_shown) == (one.decisions, one.sampled_p, True)
        with pytest.raises(Conflict, match="send replace"):
            timbre.review(found[0].prediction_id, [])
        corrected = timbre.review(found[0].prediction_id, [], replace=True)
        assert (corrected.labels, corrected.opinion_shown) == ((), None)
        assert timbre.performance(since="1d").contents == 4
        assert sum(one.clips for one in timbre.detection_rates(every="week")) == 4
    with registry.database.write() as session:
        session.query(AuditRow).filter(AuditRow.action == "review replaced").delete()
