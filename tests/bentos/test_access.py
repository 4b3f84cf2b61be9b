"""Who is let in where no key is wanted."""

import asyncio
from pathlib import Path

import pytest
from starlette.datastructures import Headers

from bentos.access import EVERYONE, Access
from bentos.config import ServiceConfig
from bentos.errors import Refused
from components.registry import ApiKeys
from components.registry.database import Database

ROLLBACK = "/api/v1/models/rollback"


@pytest.fixture
def unlocked(tmp_path: Path) -> Access:
    return Access(ApiKeys(Database(f"sqlite:///{tmp_path / 'none.db'}")), ServiceConfig(auth="off"))


def asked(access: Access, method: str, headers: dict[str, str]) -> object:
    scope = {"type": "http", "method": method, "path": ROLLBACK, "client": ("127.0.0.1", 5000)}
    return asyncio.run(access.check(scope, Headers({"host": "localhost:8090", **headers})))


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}, {"sec-fetch-site": "cross-site", "origin": "http://localhost:8090"},
     {"origin": "http://evil.example"}, {"origin": "http://localhost:3000"}, {"origin": "http://localhost"}, {"origin": "null"},
     {"origin": ""}, {"origin": "http://[::1"}],
)  # fmt: skip
@pytest.mark.parametrize("method", ["POST", "PATCH", "DELETE", "PUT"])
def test_another_sites_page_changes_nothing(unlocked: Access, method: str, headers: dict[str, str]):
    with pytest.raises(Refused, match="another site's page") as refused:
        asked(unlocked, method, headers)
    assert refused.value.status_code == 403


@pytest.mark.parametrize(
    "headers",
    [{}, {"sec-fetch-site": "same-origin", "origin": "http://localhost:8090"}, {"sec-fetch-site": "none"},
     {"origin": "http://localhost:8090"}, {"origin": "http://LOCALHOST:8090"}],
)  # fmt: skip
def test_programs_and_the_services_own_page_go_on_working(unlocked: Access, headers: dict[str, str]):
    assert asked(unlocked, "POST", headers) is EVERYONE


def test_looking_changes_nothing(unlocked: Access):
    assert asked(unlocked, "GET", {"sec-fetch-site": "cross-site"}) is EVERYONE
