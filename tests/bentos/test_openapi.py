"""The OpenAPI document says what the service does: requests made from it, good and bad, are answered as it promises."""

import json
import zlib
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import content_type_conformance, response_schema_conformance, status_code_conformance

from bentos.app import create_app
from bentos.config import ServiceConfig
from tests.fixtures.running import ROOT, Running, furnish, running

DOCUMENT: dict[str, Any] = create_app(ServiceConfig()).openapi()
OPERATIONS = [(f"{verb} {path}", one) for path, verbs in DOCUMENT["paths"].items() for verb, one in verbs.items()]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
SCHEMA = schemathesis.openapi.from_dict(DOCUMENT)
MODELS = ("production", "latest", "small", "other")
PATHS = ("clips", "clips/0.wav", "labels.csv", "nowhere", "s3://bucket/key")


@SCHEMA.hook
def map_path_parameters(_context, values):
    """Half of the models are such as there are: made-up names alone would meet 404 and nothing else."""
    return {name: _sometimes(value, MODELS) if name == "model_id" else value for name, value in (values or {}).items()}


@SCHEMA.hook
def map_query(_context, values):
    return {name: _sometimes(value, MODELS) if name == "model_ckpt_path" else value for name, value in (values or {}).items()}


@SCHEMA.hook
def map_body(_context, body):
    """Likewise the paths."""
    if isinstance(body, list):
        return [
            {**one, "dataset_path": _sometimes(one.get("dataset_path"), PATHS)} if isinstance(one, dict) else _sometimes(one, PATHS)
            for one in body
        ]
    return body


@pytest.fixture(scope="module")
def spent(tmp_path_factory: pytest.TempPathFactory):
    """A service whose models may be renamed, promoted and archived."""
    home = tmp_path_factory.mktemp("spent")
    with running(home, furnish(home), TIMBRE_CONFIGS=str(ROOT / "configs")) as found:
        yield found


@pytest.mark.slow
@SCHEMA.parametrize()
@settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
def test_every_operation_answers_as_the_document_says(case, spent: Running):
    case.call_and_validate(base_url=spent.url, headers={"X-API-Key": spent.keys["admin"]}, checks=CHECKS)


def test_the_service_gives_this_document(client):
    assert client.get("/openapi.json").json() == DOCUMENT


def test_it_names_no_command_of_ours():
    assert "timbre keys" not in (said := json.dumps(DOCUMENT))
    assert "`timbre" not in said
    assert "Whoever runs this service makes one." in said


@pytest.mark.parametrize("what", OPERATIONS, ids=lambda what: what[0])
def test_a_body_may_be_unreadable(what):
    """FastAPI answers bytes that are no text with 400."""
    _, operation = what
    assert "requestBody" not in operation or "400" in operation["responses"]


@pytest.mark.parametrize("what", OPERATIONS, ids=lambda what: what[0])
def test_every_body_has_a_schema_and_an_example(what):
    _, operation = what
    bodies = [operation["requestBody"], *operation["responses"].values()] if "requestBody" in operation else operation["responses"].values()
    for body in bodies:
        for kind, content in body.get("content", {}).items():
            assert content.get("schema"), (kind, body)
            assert "example" in content or _shown(content["schema"]), (kind, body)


@pytest.mark.parametrize("what", OPERATIONS, ids=lambda what: what[0])
def test_every_operation_wants_the_key_and_tells_what_the_gate_may_say(what):
    _, operation = what
    assert operation["security"] == [{"APIKeyHeader": []}]
    assert {"401", "403", "408", "413", "429", "503", "504"} <= set(operation["responses"])


def _sometimes(value: Any, others: tuple[str, ...]) -> Any:
    drawn = zlib.crc32(repr(value).encode("utf-8", "replace"))
    return others[drawn // 2 % len(others)] if drawn % 2 and isinstance(value, str) else value


def _shown(schema: dict[str, Any]) -> bool:
    if "example" in schema or "examples" in schema:
        return True
    if "$ref" in schema:
        return _shown(DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]])
    return any(map(_shown, [*schema.get("anyOf", []), *([schema["items"]] if "items" in schema else [])]))
