"""The gate alone, before an app that reads a body and answers."""

import asyncio
import json
import time
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from bentos import gate
from bentos.access import EVERYONE, NO_KEY, Caller
from bentos.config import ServiceConfig
from bentos.connections import CONNECTION
from bentos.errors import Refused
from bentos.gate import LOGIN_PLACES, Gate

LOGIN = "/ui/login"
FORM = (b"content-type", b"application/x-www-form-urlencoded")


class NobodyAsked:
    """No keys."""

    async def check(self, scope, headers) -> None:
        return None


class AllAsked:
    """A caller without a key."""

    async def check(self, scope, headers) -> None:
        raise Refused(401, NO_KEY)


class Known:
    """A caller with a key."""

    async def check(self, scope, headers) -> Caller:
        return EVERYONE


class Wire:
    """A connection that notes what it is told."""

    def __init__(self) -> None:
        self.stall_s, self.cuts = 0.0, 0

    def allow_stall(self, limit_s: float) -> None:
        self.stall_s = limit_s

    def cut(self) -> None:
        self.cuts += 1


async def app(scope, receive, send) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


async def ask(gate: Gate, path: str, *pieces: bytes, headers: tuple[tuple[bytes, bytes], ...] = (), ends: bool = True) -> tuple[int, Any]:
    """(status, what was said) for a body of these pieces; one that does not end comes to nothing."""
    waiting, said = list(pieces), list[dict[str, Any]]()

    async def receive() -> dict[str, Any]:
        if waiting:
            piece = waiting.pop(0)
            return {"type": "http.request", "body": piece, "more_body": bool(waiting) or not ends}
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        said.append(message)

    scope = {"type": "http", "method": "POST", "path": path, "headers": [(b"transfer-encoding", b"chunked"), *headers]}
    await gate(scope, receive, send)
    return said[0]["status"], json.loads(b"".join(one.get("body", b"") for one in said[1:]))


def through(run: Callable[[Gate], Coroutine[Any, Any, Any]], access: Callable[[], Any] = NobodyAsked, **given: object) -> Any:
    async def inside() -> Any:
        found = await run(Gate(app, access, ServiceConfig.model_validate(given)))
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        return found

    return asyncio.run(inside())


@pytest.fixture(autouse=True)
def no_lingering(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "LINGER_S", 0.0)


def test_slow_logins_take_no_place_of_others():
    async def run(found: Gate) -> list[int]:
        slow = [asyncio.create_task(ask(found, LOGIN, b"key=", headers=(FORM,), ends=False)) for _ in range(100)]
        while found._login.inside < LOGIN_PLACES:
            await asyncio.sleep(0.01)
        assert len(slow) > LOGIN_PLACES
        return [(await ask(found, path, b"x"))[0] for path in ("/models", "/ui/assets/a.js", "/ui/config", LOGIN)]

    assert through(run) == [200, 200, 200, 503]


def test_keyless_requests_take_no_place_of_those_with_a_key():
    async def run(found: Gate) -> list[int]:
        slow = [asyncio.create_task(ask(found, "/ui/", b"x", ends=False)) for _ in range(100)]
        while found._open.inside < found._open.places:
            await asyncio.sleep(0.01)
        assert slow
        return [(await ask(found, path, b"x"))[0] for path in ("/models", "/ui/gradio_api/run/predict", "/ui/", "/docs")]

    assert through(run) == [200, 200, 503, 503]


def test_a_login_has_ten_seconds(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "KEYLESS_S", 0.1)
    status, said = through(lambda found: ask(found, LOGIN, b"key=", headers=(FORM,), ends=False))
    assert (status, said["detail"]) == (408, "the body did not arrive within 0.1 s: send less at a time")


@pytest.mark.parametrize("kind", [FORM, (b"content-type", b"multipart/form-data; boundary=B")])
def test_a_login_is_small(kind: tuple[bytes, bytes]):
    assert through(lambda found: ask(found, LOGIN, b"x" * 4096, headers=(kind,)))[0] == 200
    status, said = through(lambda found: ask(found, LOGIN, b"x" * 4096, b"x", headers=(kind,)))
    assert (status, said["detail"]) == (413, "the request's body is larger than 4 KiB: send fewer or smaller files")


@pytest.mark.parametrize(
    ("kind", "status"),
    [(b"multipart/form-data; boundary=B", 200), (b"Multipart/Form-Data; boundary=B", 200), (b"application/json", 413)],
)
def test_an_upload_may_be_larger_than_json(kind: bytes, status: int):
    given = {"max_json_mib": 0.01, "max_body_mib": 1}
    assert (
        through(lambda found: ask(found, "/model/predict-files", b"x" * 20_000, headers=((b"content-type", kind),)), **given)[0] == status
    )


@pytest.mark.parametrize(
    ("path", "status"),
    [("/ui/gradio_api/upload", 200), ("/model/predict-paths", 413), ("/ui/gradio_api/run/listen", 413), ("/ui/", 413), ("/nowhere", 413)],
)
def test_only_where_uploads_are_taken_is_a_form_one(path: str, status: int):
    kind = (b"content-type", b"multipart/form-data; boundary=B")
    found = through(lambda found: ask(found, path, b"x" * 20_000, headers=(kind,)), max_json_mib=0.01, max_body_mib=1)
    assert found[0] == status


@pytest.mark.parametrize(("access", "least_s", "most_s"), [(AllAsked, 0.1, 2.9), (Known, 3.0, 30.0)])
def test_who_has_no_key_is_not_waited_for_as_long_as_who_has(access: type, least_s: float, most_s: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "KEYLESS_S", 0.1)
    too_long = (b"content-length", b"9000000000")
    began = time.monotonic()
    status, _ = through(lambda found: ask(found, "/models", b"x", headers=(too_long,), ends=False), access, time_limit_s=3.0)
    assert status in (401, 413)
    assert least_s <= time.monotonic() - began <= most_s


@pytest.mark.parametrize("takes", [0, 1, 2], ids=["nothing", "the headers", "all but the end"])
@pytest.mark.parametrize(("access", "limit_s"), [(AllAsked, 0.1), (Known, 0.3)])
def test_who_does_not_read_is_cut_off(takes: int, access: type, limit_s: float, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(gate, "KEYLESS_S", 0.1)
    wire, said = Wire(), list[dict[str, Any]]()
    headers = [(b"content-length", b"9000000000")]
    scope = {"type": "http", "method": "POST", "path": "/models", "headers": headers, "extensions": {CONNECTION: wire}}

    async def receive() -> dict[str, Any]:
        await asyncio.sleep(60)
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        if len(said) == takes:
            await asyncio.sleep(60)
        said.append(message)

    began = time.monotonic()
    through(lambda found: found(scope, receive, send), access, time_limit_s=0.3)
    assert (len(said), wire.cuts, wire.stall_s) == (takes, 1, limit_s)
    assert time.monotonic() - began < 10
