"""Programs as people have written them against these routes for years, with plain `requests`: they run unchanged."""

import json
import time
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from components.registry import Decision
from tests.fixtures.running import CODES, RATE, Running, card, small_tagger
from tests.fixtures.sounds import sine, write

MODELS = "/api/v1/models"
METRICS = {"accuracy", "hamming_distance", "f1", "precision", "recall"}


class Api:
    """The address and the key, as each of the programs has them."""

    def __init__(self, base_url: str, api_key: str) -> None:
        self.base_url, self.api_key = base_url, api_key

    def __call__(self, method: str, path: str, **given: Any) -> requests.Response:
        """One request of its own, without a session."""
        return requests.request(method, f"{self.base_url}{path}", headers={"X-API-Key": self.api_key}, timeout=60, **given)

    def items(self, **params: Any) -> list[dict[str, Any]]:
        """Registered models."""
        response = self("GET", MODELS, params=params)
        response.raise_for_status()
        return response.json()["items"]

    def predict(self, key: str, *files: Path, **params: Any) -> requests.Response:
        """Upload files."""
        parts = [("audio_files", (file.name, file.read_bytes(), "audio/wav")) for file in files]
        return self("POST", "/model/predict-files", params={"model_ckpt_path": key, **params}, files=parts)


@pytest.fixture
def api(service: Running) -> Api:
    return Api(service.url, service.keys["admin"])


@pytest.fixture
def track(tmp_path: Path) -> Path:
    return write(tmp_path / "track_23.wav", sine(440, 1.2, RATE), RATE)


@pytest.fixture
def trained(service: Running, api: Api, tmp_path: Path) -> Iterator[Callable[[str, float], str]]:
    """Registers a model as a training does: its id. It is archived at the end."""
    made: list[str] = []

    def train(name: str, f1: float) -> str:
        folder = small_tagger(tmp_path / name, name, zlib.crc32(name.encode()))
        with service.registry() as registry:
            model = registry.register(folder, card(f1), lambda _: Decision(False, "a test"), who="test")
            made.append(registry.change(model.id, "test", is_active=True).id)
        return made[-1]

    yield train
    for model_id in made:
        api("DELETE", f"{MODELS}/{model_id}").raise_for_status()


def test_copy_the_first_model_and_send_tracks(api: Api, track: Path):
    model = api("GET", "/models").json()[0]
    response = api.predict(model, track, track)
    assert (response.status_code, response.headers["content-type"]) == (200, "application/json")
    first, second = response.json()
    assert first == second
    assert list(first) == CODES
    assert set(first.values()) <= {0, 1}


def test_every_model_on_every_folder(api: Api):
    for model in api("GET", "/models").json():
        asked = {"params": {"model_ckpt_path": model}, "json": ["clips"]}
        at_once = api("POST", "/model/predict-directory", **asked).json()
        assert {stem: set(labels) for stem, labels in at_once.items()} == {stem: set(CODES) for stem in ("0", "1", "2", "one")}
        streamed: dict[str, Any] = {}
        with api("POST", "/model/predict-directory-stream", stream=True, **asked) as response:
            for line in response.iter_lines():
                streamed |= json.loads(line)
        assert streamed == {**at_once, "status": "done", "clips": 4, "failed": 0}


def test_a_data_set_of_each_type(api: Api):
    paths = {"csv": "labels.csv", "inference": "clips"}
    types = api("GET", "/dataset-types").json()
    assert {"irmastrain", "irmastest", "csv", "inference", "openmic"} <= set(types)
    for kind in ["", *types]:
        body = [{"dataset_type": kind, "dataset_path": paths.get(kind, "clips")}]
        response = api("POST", "/model/test-directory", params={"model_ckpt_path": "production"}, json=body)
        if kind in ("irmastrain", "irmastest", "openmic"):  # the folder is no such data set
            assert (response.status_code, set(response.json())) == (400, {"detail"}), kind
            continue
        answer = response.json()
        assert set(answer) == METRICS | {"predictions"}
        assert (answer["f1"] is None) == (kind != "csv")
        assert list(answer["predictions"]) == ["0", "1", "2", "one"]


def test_the_list_is_printed(api: Api):
    lines = []
    for model in api.items():
        lines.append(f"{model['name'] or model['id']}: {', '.join(model['artifact_types'])}, F1 {model['eval_metrics']['f1_score']:.2f}")
        for label, metrics in model["eval_metrics"]["per_class"].items():
            lines.append(f"{label}: {metrics['precision']:.2f} {metrics['recall']:.2f} {metrics['support']:d}")
    assert "small: low, mid, high, F1 0.80" in lines
    assert "low: 0.80 0.80 10" in lines


def test_the_best_the_best_for_a_label_and_the_newest(api: Api, trained):
    newest_id, best_id = trained("quick", 0.4), trained("careful", 0.95)
    models = api.items(is_active=True)  # requests writes True
    best = max(models, key=lambda model: model["eval_metrics"]["f1_score"])
    assert best["id"] == best_id == api.items(is_active=True, sort="-f1_score", page_size=1)[0]["id"]
    for_high = max(models, key=lambda model: model["eval_metrics"]["per_class"].get("high", {}).get("f1_score", 0))
    assert for_high["id"] == best_id
    born = {model["id"]: datetime.fromisoformat(model["created_at"].replace("Z", "+00:00")) for model in models}
    assert max(born.values()) == born[best_id] > born[newest_id]
    assert abs((datetime.now(UTC) - born[best_id]).total_seconds()) < 600


def test_models_side_by_side_by_their_ids(api: Api, trained):
    rows = []
    for model_id in [trained("first", 0.5), trained("second", 0.6)]:
        model = api("GET", f"{MODELS}/{model_id}").json()
        rows.append({"id": model_id, "name": model["name"], **{name: model["eval_metrics"][name] for name in ("precision", "f1_score")}})
    assert [(row["name"], f"{row['f1_score']:.2f}") for row in rows] == [("first", "0.50"), ("second", "0.60")]
    table = api("POST", f"{MODELS}/compare", json={"models": [row["id"] for row in rows]}).json()
    assert [item["f1_score"] - rows[0]["f1_score"] for item in table["items"]] == [item["f1_difference"] for item in table["items"]]


def test_a_life_of_a_model(api: Api, trained, track: Path):
    """Versioned by its name, rested, taken up again and archived."""
    model_id = trained("detector", 0.7)
    where = f"{MODELS}/{model_id}"
    about = f"\nTrained: {datetime.now(UTC).isoformat()}\nDataset: bands\n- Epochs: 30\n"
    changed = api("PATCH", where, json={"name": "Detector v2 - High Recall", "description": about}).json()
    assert (changed["name"], changed["description"]) == ("Detector v2 - High Recall", about)
    assert changed["training_job_id"] is None
    for is_active, status in ((False, 409), (True, 200)):
        assert api("PATCH", where, json={"is_active": is_active}).json()["is_active"] is is_active
        assert api.predict(changed["key"], track).status_code == status
        assert (model_id in [model["id"] for model in api.items(is_active=True)]) is is_active
    assert api("DELETE", where).ok
    assert api.predict(changed["key"], track).status_code == 410
    assert model_id not in [model["id"] for model in api.items()]
    assert api("GET", where).json()["name"] == changed["name"]  # kept for audit


def test_from_the_list_to_production_and_back(api: Api, trained, track: Path):
    """List, sort by F1, test the best on clips of one's own, promote it, predict with it, think again."""
    trained("challenger", 0.97)
    before = api.predict("production", track, scores=True).json()
    best = api.items(is_active=True, sort="-f1_score")[0]
    body = [{"dataset_type": "csv", "dataset_path": "labels.csv"}]
    tested = {
        key: api("POST", "/model/test-directory", params={"model_ckpt_path": key}, json=body).json() for key in ("production", best["key"])
    }
    assert all(set(answer) > METRICS for answer in tested.values())
    assert api("POST", f"{MODELS}/{best['id']}/promote", json={"reason": f"F1 {tested[best['key']]['f1']:.2f}"}).ok
    try:
        after = api.predict("production", track, scores=True).json()
        assert after == api.predict(best["key"], track, scores=True).json() != before
        assert api("DELETE", f"{MODELS}/{best['id']}").status_code == 409  # it is in production
    finally:
        assert api("POST", f"{MODELS}/rollback").ok
    assert api.predict("production", track, scores=True).json() == before
    told = [(entry["action"], entry["who"]) for entry in api("GET", f"{MODELS}/{best['id']}/audit").json()["items"]]
    assert ("promoted", "admin") in told


def test_a_training_is_polled_until_it_ends(service: Running, api: Api):
    (service.home / "configs").mkdir(exist_ok=True)
    (service.home / "configs" / "loops.yaml").write_text("name: loops\n")
    made = api("POST", "/api/v1/training-jobs", json={"config": "loops", "overrides": {"training.seed": 1}})
    assert (made.status_code, made.json()["state"]) == (202, "queued")
    where = f"/api/v1/training-jobs/{made.json()['id']}"
    assert api("DELETE", where).ok
    last = time.monotonic() + 30
    while (job := api("GET", where).json())["state"] not in ("succeeded", "failed", "cancelled"):
        assert time.monotonic() < last
        time.sleep(0.05)
    assert job["state"] == "cancelled"


@pytest.mark.parametrize(
    ("method", "path", "given"),
    [
        ("POST", "/model/predict-files", {"files": {"track": b""}}),
        ("POST", "/model/predict-directory", {"json": "clips"}),
        ("POST", "/model/test-directory", {"json": [{}]}),
        ("GET", MODELS, {"params": {"is_active": "perhaps"}}),
    ],
)
def test_what_does_not_fit_is_told_field_by_field(api: Api, method: str, path: str, given: dict[str, Any]):
    response = api(method, path, **{"params": {"model_ckpt_path": "production"}, **given})
    assert response.status_code == 422
    assert {"loc", "msg", "type"} == set(response.json()["detail"][0])
