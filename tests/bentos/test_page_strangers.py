"""What a stranger sends to the page costs no more than it weighs. In Gradio's place stands an app that tells what it was asked."""

import gzip
import time
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send

from bentos.access import Access
from bentos.config import ServiceConfig
from bentos.errors import add_handlers
from bentos.page.cookies import KEY, REVIEWER, cookies
from bentos.page.door import Door
from components.registry import ApiKeys
from components.registry.database import Database

SCRIPT = b"const timbre = 'which instruments play';\n" * 1000
ENDLESS = 'other="' + "\\" * 60_000 + '"'  # half a minute of work where Python reads it
PARTS = b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--b--\r\n'
FORM = "application/x-www-form-urlencoded"


class Behind:
    """Has one script, and a page and a configuration that are the cookies which it got."""

    def __init__(self) -> None:
        self.asked = Counter[str]()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = dict(scope["headers"]), scope["path"]
        self.asked[path] += 1
        is_there = path.endswith(("/a.js", "/", "/config"))
        body = SCRIPT if path.endswith("/a.js") else headers.get(b"cookie", b"none")
        told = [(b"content-type", b"text/javascript"), (b"content-length", b"%d" % len(body)), (b"etag", b"1")]
        await send({"type": "http.response.start", "status": 200 if is_there else 404, "headers": told})
        await send({"type": "http.response.body", "body": body})


@pytest.fixture
def behind() -> Behind:
    return Behind()


@pytest.fixture
def keys(tmp_path: Path) -> ApiKeys:
    return ApiKeys(Database(f"sqlite:///{tmp_path / 'timbre.db'}"))


@pytest.fixture
def stranger(behind: Behind, keys: ApiKeys) -> TestClient:
    config = ServiceConfig()
    context: Any = SimpleNamespace(config=config, access=Access(keys, config))
    app = FastAPI()
    add_handlers(app)
    app.router.routes.extend(Door(behind, [], context, clips=None).routes())  # type: ignore[arg-type] # no clip is asked for
    return TestClient(app, "http://localhost", raise_server_exceptions=False)


@pytest.mark.parametrize(
    ("content_type", "body", "status"),
    [
        (
            "multipart/form-data; boundary=b; charset=undefined",
            b'--b\r\nContent-Disposition: form-data; name="key"\r\n\r\nx\r\n--b--\r\n',
            415,
        ),
        ("text/plain", b"key=x", 415),
        (f"{FORM}; charset=utf-7", b"key=+2AA-", 401),
        (FORM, b"key=%ff%00%ed%a0%80", 401),
        (FORM, b"key=\xff\xfe", 401),
        (FORM, b"a=1&" * 5 + b"key=x", 422),
        (FORM, b"other=x", 401),
    ],
)
def test_a_login_with_no_key_is_never_a_fault_of_ours(stranger: TestClient, content_type: str, body: bytes, status: int) -> None:
    assert stranger.post("/ui/login", content=body, headers={"Content-Type": content_type}).status_code == status


def test_other_cookies_are_neither_read_nor_passed_on(stranger: TestClient, keys: ApiKeys) -> None:
    _, secret = keys.create("ann", ("predict",), "root")
    began = time.monotonic()
    assert stranger.get("/ui/config", headers={"Cookie": ENDLESS}).status_code == 401
    for path in ("/ui/", "/ui/config"):
        answer = stranger.get(path, headers={"Cookie": f'{ENDLESS}; {KEY}={secret}; x{KEY}=a; {KEY}x=b; {REVIEWER}="{ENDLESS}"'})
        assert answer.text == f"{KEY}={secret}"
    assert stranger.get("/ui/theme.css", headers={"Cookie": ENDLESS}).status_code == 404
    assert time.monotonic() - began < 3


@pytest.mark.parametrize("text", ["", "=", ";;;", f"{KEY}", f"{KEY}=", f"{KEY}=a b", f"{KEY}=ä", f"a{KEY}=b", f'{KEY}="a"'])
def test_what_is_no_cookie_of_ours(text: str) -> None:
    assert cookies({"cookie": text}) == {}


def test_a_script_is_compressed_once_for_everyone(stranger: TestClient, behind: Behind, monkeypatch: pytest.MonkeyPatch) -> None:
    first = stranger.get("/ui/assets/a.js", headers={"Accept-Encoding": "gzip, br"})
    monkeypatch.setattr("bentos.page.shared.gzip", None)
    again = stranger.get("/ui/assets/a.js", headers={"Accept-Encoding": "br, gzip;q=0.5"})
    for answer in (first, again):
        assert answer.content == SCRIPT
        assert answer.headers["content-length"] == str(len(gzip.compress(SCRIPT, 6)))
        told = {name: answer.headers[name] for name in ("content-encoding", "vary", "content-type")}
        assert told == {"content-encoding": "gzip", "vary": "accept-encoding", "content-type": "text/javascript"}
        assert "etag" not in answer.headers  # which is that of the plain file
    assert behind.asked["/ui/assets/a.js"] == 1


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ui/assets/a.js", {"Accept-Encoding": "br"}, 200),
        ("/ui/assets/a.js", {"Accept-Encoding": "gzip", "Range": "bytes=0-9"}, 200),
        ("/ui/assets/%2e/a.js", {"Accept-Encoding": "gzip"}, 200),
        ("/ui/assets//a.js", {"Accept-Encoding": "gzip"}, 200),
        ("/ui/assets/none.js", {"Accept-Encoding": "gzip"}, 404),
    ],
    ids=["other encodings", "a part", "another name", "a doubled slash", "none"],
)
def test_nothing_else_is_compressed(
    stranger: TestClient, monkeypatch: pytest.MonkeyPatch, path: str, headers: dict[str, str], status: int
) -> None:
    monkeypatch.setattr("bentos.page.shared.gzip", None)
    answer = stranger.get(path, headers=headers)
    assert (answer.status_code, "content-encoding" in answer.headers) == (status, False)


def test_no_more_is_kept_than_there_is_room_for(stranger: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bentos.page.shared.KEPT_BYTES", len(SCRIPT) - 1)
    answer = stranger.get("/ui/assets/a.js", headers={"Accept-Encoding": "gzip"})
    assert answer.content == SCRIPT
    assert "content-encoding" not in answer.headers
