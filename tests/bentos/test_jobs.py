"""The routes of training jobs, over real HTTP."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn

from bentos.app import create_app
from bentos.config import ServiceConfig
from components.registry import Registry
from components.registry.api_keys import ApiKeys
from components.registry.job import Pulse
from components.registry.jobs import Jobs

WHERE = "/api/v1/training-jobs"


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    """A registry of its own, in a working folder with one configuration and data."""
    monkeypatch.chdir(tmp_path)
    for name in ("TIMBRE_DATABASE_URL", "TIMBRE_MODELS", "TIMBRE_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "configs").mkdir()
    (tmp_path / "data" / "irmas").mkdir(parents=True)
    (tmp_path / "configs" / "tones.yaml").write_text("name: tones\ndata: {train: ['irmastrain:/srv/own']}\n")
    with Registry() as registry:
        yield registry


@pytest.fixture
def client(registry: Registry) -> Iterator[httpx.Client]:
    """Calls a service that listens on a port; its key may train."""
    app = create_app(ServiceConfig(page=False))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    _, secret = ApiKeys(registry.database).create("ann", ["train"], "root")
    with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers={"X-API-Key": secret}, timeout=60) as client:
        yield client
    server.should_exit = True
    thread.join()


def test_a_job_is_submitted_followed_and_cancelled(client: httpx.Client, registry: Registry) -> None:
    body = {"config": "tones", "overrides": ["training.seed=1"], "name": "mine"}
    made = client.post(WHERE, json=body, headers={"Idempotency-Key": "k"})
    assert made.status_code == 202, made.text
    job = made.json()
    assert (job["state"], job["owner"], job["overrides"]) == ("queued", "ann", ["training.seed=1", 'name="mine"'])
    assert made.headers["Location"] == f"{WHERE}/{job['id']}"
    assert client.get(made.headers["Location"]).json() == job

    assert client.post(WHERE, json=body, headers={"Idempotency-Key": "k"}).json()["id"] == job["id"]
    other = client.post(WHERE, json={"config": "tones"}, headers={"Idempotency-Key": "k"})
    assert (other.status_code, job["id"] in other.json()["detail"]) == (409, True)

    taken = Jobs(registry.database).lease("w", 60)
    Jobs(registry.database).heartbeat(taken.token, 60, Pulse(1, 2, 1, 1, {"val_f1": 0.5}, "run", "a line\n"))
    running = client.get(f"{WHERE}/{job['id']}").json()
    assert (running["state"], running["epoch"], running["metrics"], running["log_tail"]) == ("running", 1, {"val_f1": 0.5}, "a line\n")

    asked = client.delete(f"{WHERE}/{job['id']}")
    assert (asked.status_code, asked.json()["state"], asked.json()["cancel_requested"]) == (200, "running", True)
    Jobs(registry.database).finish(taken.token, "cancelled")
    assert client.delete(f"{WHERE}/{job['id']}").status_code == 409
    said = [(entry.who, entry.action) for entry in registry.audit() if entry.action.startswith("job")]
    assert said[::-1] == [("ann", "job submitted"), ("ann", "job cancelled"), ("ann", "job finished")]


def test_pages_of_jobs(client: httpx.Client) -> None:
    ids = [client.post(WHERE, json={"config": "tones", "overrides": {"training.seed": seed}}).json()["id"] for seed in range(3)]
    client.delete(f"{WHERE}/{ids[0]}")
    page = client.get(WHERE, params={"page_size": 2}).json()
    assert ([job["id"] for job in page["items"]], page["total"], page["page"], page["page_size"]) == (ids[:0:-1], 3, 1, 2)
    assert "log_tail" not in page["items"][0]
    assert [job["id"] for job in client.get(WHERE, params={"state": "cancelled"}).json()["items"]] == ids[:1]
    assert client.get(WHERE, params={"state": "asleep"}).status_code == 422


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"config": "missing"}, 400),
        ({"config": "../configs/tones"}, 400),
        ({"config": "tones", "overrides": ["training.lrr=1"]}, 400),
        ({"config": "tones", "overrides": ["training.ckpt=data/irmas"]}, 400),
        ({"config": "tones", "overrides": {"data.train": ["irmastrain:/etc"]}}, 400),
        ({"config": "tones", "overrides": {"model.pretrained": "/etc/passwd"}}, 400),
        ({"config": "tones", "name": "a/b"}, 400),
        ({"config": "tones", "overrides": ["model.params={a: &a [1], b: [*a, *a]}"]}, 400),
        ({"config": "tones", "overrides": [f"model.params.a={'[' * 300}{']' * 300}"]}, 400),
        ({"config": "tones", "overrides": [f"model.params.a={'[' * 600}{']' * 600}"]}, 400),
        ({"config": "tones", "overrides": {"windows.hop_s": 10}}, 400),
        ({"config": "tones", "overrides": ["=1"]}, 400),
        ({"config": "tones", "overrides": {"data.train": ["csv:" + "a" * 3000]}}, 400),
        ({"config": "tones", "overrides": {"data.train": ["~nosuch:x"]}}, 400),
        ({"config": "tones", "epochs": 3}, 422),
        ({"config": "tones", "overrides": 3}, 422),
        ({}, 422),
    ],
)
def test_what_cannot_be_trained_is_refused(client: httpx.Client, tmp_path: Path, body: dict[str, object], status: int) -> None:
    answer = client.post(WHERE, json=body)
    assert answer.status_code == status, answer.text
    assert str(tmp_path) not in answer.text
    assert client.get(WHERE).json()["total"] == 0


def test_data_under_the_roots_may_be_named(client: httpx.Client) -> None:
    assert client.post(WHERE, json={"config": "tones", "overrides": {"data.train": ["irmastrain:data/irmas"]}}).status_code == 202


@pytest.mark.parametrize("job_id", ["missing", "%00", "..%2fetc", "a" * 100])
def test_an_unknown_job(client: httpx.Client, job_id: str) -> None:
    assert {client.get(f"{WHERE}/{job_id}").status_code, client.delete(f"{WHERE}/{job_id}").status_code} == {404}


def test_another_scope_may_not_train(client: httpx.Client, registry: Registry) -> None:
    _, secret = ApiKeys(registry.database).create("bob", ["predict"], "root")
    assert client.post(WHERE, json={"config": "tones"}, headers={"X-API-Key": secret}).status_code == 403


def test_the_document_has_an_example_for_every_body(client: httpx.Client) -> None:
    paths = client.get("/openapi.json").json()["paths"]
    operations = [operation for path, verbs in paths.items() if path.startswith(WHERE) for operation in verbs.values()]
    assert len(operations) == 4
    for operation in operations:
        told = [answer["content"]["application/json"] for code, answer in operation["responses"].items() if code != "422"]
        assert all("example" in body for body in told)
