"""Who is let in where no key is wanted."""

import asyncio
import threading
import time
from pathlib import Path

import pytest
from anyio.to_thread import current_default_thread_limiter
from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers

from bentos.access import EVERYONE, HEADER, Access
from bentos.config import ServiceConfig
from bentos.errors import Refused
from components.registry import ApiKeys, DatabaseAway
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


@pytest.fixture
def locked(tmp_path: Path) -> Access:
    return Access(ApiKeys(Database(f"sqlite:///{tmp_path / 'keys.db'}")), ServiceConfig())


def test_a_database_that_does_not_answer_is_away_after_a_while(locked: Access, monkeypatch: pytest.MonkeyPatch):
    ended = threading.Event()
    monkeypatch.setattr(locked._keys, "check", lambda secret: ended.wait(60))
    monkeypatch.setattr("bentos.access.KEY_S", 0.2)
    began = time.monotonic()
    try:
        with pytest.raises(DatabaseAway, match=r"within 0\.2 s"):
            asked(locked, "GET", {HEADER: "a"})
    finally:
        ended.set()
    assert time.monotonic() - began < 5


def test_a_key_is_checked_while_every_other_thread_is_busy(locked: Access):
    secret = locked._keys.create("ann", ["models"], "test")[1]
    ended = threading.Event()

    async def run() -> str:
        busy = [asyncio.create_task(run_in_threadpool(ended.wait, 60)) for _ in range(100)]
        while current_default_thread_limiter().available_tokens:
            await asyncio.sleep(0.01)
        try:
            return (await locked.caller(secret, "models")).name
        finally:
            ended.set()
            await asyncio.gather(*busy)

    assert asyncio.run(run()) == "ann"
