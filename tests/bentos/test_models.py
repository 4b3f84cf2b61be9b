"""The registry's routes over real HTTP, on a service of their own, since they change what it serves."""

import zlib

import pytest

from components.registry import Decision
from tests.fixtures.running import CODES, RATE, Running, card, furnish, running, small_tagger
from tests.fixtures.sounds import encoded, sine

SOUND = [("audio_files", ("a.wav", encoded(sine(440, 1.2, RATE), RATE)))]
WHERE = "/api/v1/models"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory):
    home = tmp_path_factory.mktemp("registry")
    keys = furnish(home)
    with running(home, keys) as found:
        yield found


@pytest.fixture
def fresh(service: Running, request: pytest.FixtureRequest):
    """An active model that is in nobody's way: its id."""
    seed = zlib.crc32(request.node.name.encode())
    folder = small_tagger(service.home / "sealed" / str(seed), f"m{seed}", seed)
    with service.registry() as registry:
        model = registry.register(folder, card(0.5), lambda _: Decision(False, "a test"), who="test")
        return registry.change(model.id, "test", is_active=True).id


def predict(client, key):
    return client.post("/model/predict-files", params={"model_ckpt_path": key, "scores": True}, files=SOUND)


def test_a_model_has_the_fields_of_the_contract(client):
    model = client.get(f"{WHERE}/production").json()
    assert model["artifact_types"] == CODES
    assert model["created_at"].endswith("Z")
    assert model["eval_metrics"]["split"] == "test"
    assert set(model["eval_metrics"]["per_class"]["low"]) == {"precision", "recall", "f1_score", "support"}


def test_models_are_paged_sorted_and_filtered(client):
    best_first = client.get(WHERE, params={"sort": "-f1_score", "page_size": 1}).json()
    assert (best_first["page"], best_first["page_size"], best_first["items"][0]["name"]) == (1, 1, "small")
    second = client.get(WHERE, params={"sort": "-f1_score", "page_size": 1, "page": 2}).json()["items"][0]
    assert second["id"] != best_first["items"][0]["id"]
    assert client.get(WHERE, params={"label": "mid"}).json()["total"] >= 2
    assert client.get(WHERE, params={"label": "nothing"}).json()["items"] == []
    assert client.get(WHERE, params={"sort": "size"}).status_code == 422


def test_an_inactive_model_is_409_and_an_archived_one_410(client, fresh):
    key = client.get(f"{WHERE}/{fresh}").json()["key"]
    assert predict(client, key).status_code == 200
    assert client.patch(f"{WHERE}/{fresh}", json={"is_active": False}).json()["is_active"] is False
    assert predict(client, key).status_code == 409
    assert key not in client.get("/models").json()
    assert client.delete(f"{WHERE}/{fresh}").status_code == 204
    assert predict(client, key).status_code == 410
    assert fresh not in [model["id"] for model in client.get(WHERE).json()["items"]]
    assert client.get(f"{WHERE}/{fresh}").json()["archived_at"]
    assert client.patch(f"{WHERE}/{fresh}", json={"name": "again"}).status_code == 410


def test_an_unknown_model_is_404(client):
    assert predict(client, "nothing@00000000").status_code == 404
    assert client.get(f"{WHERE}/nothing").status_code == 404


def test_a_promotion_holds_from_the_next_request_on_and_rolls_back(client, service: Running, fresh):
    before = predict(client, "production").json()
    with service.client("models") as person:
        promoted = person.post(f"{WHERE}/{fresh}/promote", json={"reason": "to see"}).json()
    assert "production" in promoted["aliases"]
    assert predict(client, "production").json() == predict(client, promoted["key"]).json() != before
    assert client.delete(f"{WHERE}/{fresh}").status_code == 409  # in production
    client.post(f"{WHERE}/rollback").raise_for_status()
    assert predict(client, "production").json() == before
    actions = [(entry["action"], entry["who"]) for entry in client.get(f"{WHERE}/{fresh}/audit").json()["items"]]
    assert ("promoted", "models") in actions


def test_a_name_and_a_description_can_be_changed(client, fresh):
    changed = client.patch(f"{WHERE}/{fresh}", json={"name": f"new {fresh[:8]}", "description": "two hours of audio\nF1: 0.87"}).json()
    assert changed["name"] == f"new {fresh[:8]}"
    assert changed["description"] == "two hours of audio\nF1: 0.87"
    assert client.patch(f"{WHERE}/{fresh}", json={"name": "a/b"}).status_code == 400
    assert client.patch(f"{WHERE}/{fresh}", json={"nmae": "x"}).status_code == 422


def test_models_are_compared(client):
    table = client.post(f"{WHERE}/compare", json={"models": ["small", "other"]}).json()
    assert table["comparable"] is True
    assert [row["f1_difference"] for row in table["items"]] == [0, pytest.approx(-0.1)]


@pytest.mark.parametrize(
    ("scope", "method", "path", "status"),
    [
        ("predict", "GET", WHERE, 200),
        ("predict", "PATCH", f"{WHERE}/production", 403),
        ("predict", "POST", "/model/test-directory", 403),
        ("test", "POST", "/model/predict-files", 403),
        ("train", "POST", f"{WHERE}/production/promote", 403),
        ("models", "GET", "/api/v1/training-jobs", 403),
        ("", "GET", "/models", 401),
        ("", "GET", "/metrics", 200),
        ("", "GET", "/openapi.json", 200),
    ],
)
def test_a_key_opens_what_its_scope_says(service: Running, scope, method, path, status):
    with service.client(scope) as client:
        assert client.request(method, path).status_code == status


def test_a_revoked_key_opens_nothing_from_the_next_request_on(service: Running):
    from components.registry import ApiKeys

    with service.registry() as registry:
        keys = ApiKeys(registry.database)
        _, secret = keys.create("leaver", ["predict"], "test")
        with service.client("") as client:
            assert client.get("/models", headers={"X-API-Key": secret}).status_code == 200
            keys.revoke("leaver", "test")
            assert client.get("/models", headers={"X-API-Key": secret}).status_code == 401


def test_a_key_that_asks_too_often_is_told_when_to_come_back(service: Running):
    from components.registry import ApiKeys

    with service.registry() as registry:
        _, secret = ApiKeys(registry.database).create("eager", ["predict"], "test", per_minute=2)
    with service.client("") as client:
        answers = [client.get("/models", headers={"X-API-Key": secret}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[-1].headers["retry-after"]) >= 1
