"""The clients where the service is busy, breaks off or is another program: a server that says what a test wants stands there."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from tests.fixtures.clients import Waiting
from tests.fixtures.sounds import encoded, sine
from timbre.client import AsyncClient, Client, NoAnswer, ServiceError, TooManyRequests, Unavailable

SOUND = encoded(sine(440, 0.2, 8000), 8000)
BUSY = (503, {}, b'{"detail": "the service has as many requests in line as it takes"}')
HEARD = (200, {}, b'[{"low": 1}]')
Answer = tuple[int, dict[str, str], bytes]


class Scripted(ThreadingHTTPServer):
    """Gives its answers in turn, the last one for ever, and keeps the bodies that came."""

    def __init__(self, *answers: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers, self.bodies = list(answers), list[bytes]()
        self.url = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Scripted

    def answer(self) -> None:
        self.server.bodies.append(self._body())
        answers = self.server.answers
        status, headers, body = answers.pop(0) if len(answers) > 1 else answers[0]
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer  # noqa: N815 - http.server's names

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        chunks = []
        while size := int(self.rfile.readline(), 16):
            chunks.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(chunks)

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def scripted() -> Iterator[Callable[..., Scripted]]:
    made: list[Scripted] = []

    def make(*answers: Answer) -> Scripted:
        server = Scripted(*answers)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        made.append(server)
        return server

    yield make
    for server in made:
        server.shutdown()
        server.server_close()


@pytest.fixture(params=[Client, Waiting], ids=["blocking", "asyncio"])
def connect(request: pytest.FixtureRequest) -> Iterator[Callable[..., Any]]:
    opened: list[Any] = []

    def make(url: str, **given: Any) -> Any:
        opened.append(request.param(url, "", **given))
        return opened[-1]

    yield make
    for client in opened:
        client.close()


def test_a_busy_service_is_asked_again_with_the_whole_file(scripted, connect, tmp_path):
    server = scripted(BUSY, BUSY, HEARD)
    (tmp_path / "a.wav").write_bytes(SOUND)
    assert connect(server.url, backoff_s=0.01).predict(tmp_path / "a.wav")[0].labels == {"low": 1}
    assert len(server.bodies) == 3
    assert all(SOUND in body for body in server.bodies)


def test_it_waits_as_long_as_it_is_told_to_and_not_for_hours(scripted, connect):
    began = time.monotonic()
    connect(scripted((429, {"Retry-After": "1"}, b"{}"), HEARD).url, backoff_s=0).predict(SOUND)
    assert time.monotonic() - began >= 1
    server = scripted((429, {"Retry-After": "7200"}, b'{"detail": "this key may send 2 requests a minute"}'))
    with pytest.raises(TooManyRequests, match="429: this key may send 2"):
        connect(server.url).predict(SOUND)
    assert len(server.bodies) == 1


def test_a_service_that_stays_busy_is_given_up(scripted, connect):
    server = scripted(BUSY)
    with pytest.raises(Unavailable, match="503: the service has as many"):
        connect(server.url, retries=2, backoff_s=0.01).models()
    assert len(server.bodies) == 3


def test_what_changes_something_is_never_sent_twice(scripted, connect):
    server = scripted(BUSY)
    with pytest.raises(Unavailable):
        connect(server.url, backoff_s=0.01).promote("other@12345678")
    assert len(server.bodies) == 1


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ((200, {"Content-Type": "text/html"}, b"<h1>Welcome</h1>"), "an answer that is none of this service's"),
        ((200, {}, b'{"models": []}'), "the answer is none of this service's"),
        ((404, {"Content-Type": "text/html"}, b"<h1>Not\nFound</h1>"), "404: <h1>Not Found</h1> (these are not the service's own words"),
        ((500, {}, b""), "500: an answer without text"),
    ],
)
def test_another_programs_answer_is_one_sentence(scripted, connect, answer, said):
    with pytest.raises(ServiceError) as raised:
        connect(scripted(answer).url).models()
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("end", [b"", b'{"two": {"l', b'{"two": 3}\n'])
def test_a_stream_that_breaks_off_gives_what_came_and_says_so(scripted, connect, end):
    body = b'{"one": {"low": 1}}\n' + end
    stream = connect(scripted((200, {"Content-Length": str(len(body) + (not end.endswith(b"\n")))}, body)).url).stream_directory(["x"])
    assert next(stream).name == "one"
    with pytest.raises(NoAnswer, match="broke off before its last line"):
        next(stream)
    assert stream.result is None


def test_a_stream_may_fail_on_its_way(scripted, connect):
    stream = connect(scripted((200, {}, b'{"one": {"low": 1}}\n{"status": "failed", "code": 503, "detail": "away"}\n')).url)
    with pytest.raises(Unavailable, match="503: away"):
        list(stream.stream_directory(["x"]))


def test_many_calls_at_a_time(scripted):
    async def ask(url: str) -> list[Any]:
        async with AsyncClient(url, "") as client:
            return await asyncio.gather(*(client.predict(SOUND) for _ in range(20)))

    server = scripted(HEARD)
    assert all(heard[0].labels == {"low": 1} for heard in asyncio.run(ask(server.url)))
    assert len(server.bodies) == 20
