"""Every route has a scope of its own, and what is no route is nobody's secret."""

import re

import pytest
from fastapi.routing import iter_route_contexts

from bentos.access import OPEN, RULES, is_page
from bentos.app import create_app
from bentos.config import ServiceConfig
from tests.fixtures.running import Running

ROUTES = [
    (method, str(one.path)) for one in iter_route_contexts(create_app(ServiceConfig()).routes) for method in sorted(one.methods or ())
]
SCOPES = ("predict", "test", "models", "train", "review", "admin")


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_every_route_has_a_rule(method: str, path: str):
    *rules, rest = RULES
    assert rest == (".*", ".*", "admin")
    assert path in OPEN or is_page(path) or any(re.fullmatch(verb, method) and re.fullmatch(where, path) for verb, where, _ in rules)


def test_all_routes_are_looked_at():
    assert {("POST", "/model/predict-files"), ("DELETE", "/api/v1/training-jobs/{job_id}"), ("GET", "/metrics")} <= set(ROUTES)


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize("path", ["/nope", "/model/predict-nope", "/api/v1/training-jobs/a/b", "/api/v1/models/a/b/c", "/a%0ab"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_any_key_learns_that_a_path_is_unknown(service: Running, scope: str, path: str, method: str):
    with service.client(scope) as client:
        answer = client.request(method, path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "there is no such route: /docs lists them"})


@pytest.mark.parametrize("key", ["", "wrong"])
def test_without_a_key_nothing_is_learned(service: Running, key: str):
    with service.client("") as client:
        answer = client.get("/nope", headers={"X-API-Key": key} if key else {})
    assert answer.status_code == 401
    assert "`timbre" not in answer.json()["detail"]  # a client has no command line of ours


@pytest.mark.parametrize("scope", SCOPES)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/model/predict-files"), ("POST", "/models"), ("PUT", "/api/v1/models"), ("PUT", "/api/v1/training-jobs")]
)
def test_any_key_learns_that_a_method_is_wrong(service: Running, scope: str, method: str, path: str):
    with service.client(scope) as client:
        assert client.request(method, path).status_code == 405


@pytest.mark.parametrize("path", ["/api/v1/training-jobs", "/api/v1/training-jobs%0a"])  # the router takes a newline at the end for none
def test_what_the_router_takes_is_guarded(service: Running, path: str):
    with service.client("predict") as client:
        assert client.post(path, json={"config": "sample"}).status_code == 403
