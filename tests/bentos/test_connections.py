"""A connection's bounds, without a service."""

import asyncio
import contextlib
import json
import logging
import socket
import tracemalloc
from collections.abc import Callable

import pytest
import uvloop
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.server import ServerState

from bentos import connections, metrics
from bentos.connections import HEADER_BYTES, IN_LINE, Connection

START = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
BEGUN = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\n"
HEADERS_S = 1.0
PIECE = 2**16
LARGE = 24 * 2**20


class Wire(asyncio.Transport):
    """What a client would get."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.closed = b"", False

    def write(self, data: bytes) -> None:
        self.said += data

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...


async def idle(scope, receive, send) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def begun(scope, receive, send) -> None:
    """A stream that has begun."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await idle(scope, receive, send)


async def generous(scope, receive, send) -> None:
    """Answers with more than the system holds for a client."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % LARGE)]})
    await send({"type": "http.response.body", "body": bytes(LARGE)})


def told(*pieces: bytes, app: ASGIApp = idle) -> tuple[Connection, Wire]:
    """A connection after these pieces of data."""

    async def run() -> tuple[Connection, Wire]:
        wire = Wire()
        connection = Connection(Config(app, lifespan="off"), ServerState(), {})
        connection.connection_made(wire)
        for piece in pieces:
            connection.data_received(piece)
            await asyncio.sleep(0)
        connection.connection_lost(ConnectionError())
        await asyncio.wait_for(asyncio.gather(*connection.tasks), 10)
        return connection, wire

    return asyncio.run(run())


@pytest.mark.parametrize(
    "endless",
    [b"X-A: yyyyyyyy\r\n" * (PIECE // 15), b"a:\r\n" * (PIECE // 4), b"y" * PIECE],
    ids=["trailers", "short trailers", "one trailer"],
)
def test_endless_trailers_are_refused_and_none_is_kept(endless: bytes):
    pieces = [endless] * 200
    tracemalloc.start()
    try:
        connection, wire = told(START + b"0\r\n", b"X-B: ", *pieces)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert wire.closed
    assert wire.said.startswith(b"HTTP/1.1 431 ")
    assert len(connection.headers) == 2
    assert most < 2 * 2**20


def test_an_endless_extension_of_a_chunk_is_refused():
    assert told(START + b"1;", *[b"y" * PIECE] * 3)[1].said.startswith(b"HTTP/1.1 431 ")


def test_a_body_of_many_small_chunks_and_a_few_trailers_are_none_of_these():
    _, wire = told(START, *[b"1\r\nx\r\n" * (2 * HEADER_BYTES // 6)] * 4, b"0\r\nDigest: x\r\n\r\n")
    assert (wire.closed, wire.said) == (False, b"")


def test_bytes_of_a_body_that_come_one_by_one_are_no_header():
    _, wire = told(START, b"fffff\r\n", *[b"x"] * (HEADER_BYTES + 10))
    assert (wire.closed, wire.said) == (False, b"")


def test_a_client_that_leaves_stops_its_first_request_too():
    connection, _ = told(GET * 3)
    assert not connection.tasks


def test_as_many_requests_as_fit_wait_on_a_connection():
    assert not told(GET * (IN_LINE + 1))[1].closed
    connection, wire = told(GET * 10_000)
    assert wire.closed
    assert wire.said.startswith(b"HTTP/1.1 429 ")
    assert len(connection.pipeline) == IN_LINE


def test_no_refusal_is_written_into_an_answer_before():
    _, wire = told(GET * 2, b"GARBAGE\r\n\r\n", app=begun)
    assert wire.closed
    assert wire.said.count(b"HTTP/1.1 ") == 1


async def plain(scope, receive, send) -> None:
    """Answers, and reads nothing of a body."""
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


async def stays(first: bytes, *later: bytes) -> tuple[bytes, bytes, bool]:
    """What comes back for a request, what for the pieces sent after its answer, and whether the connection ends."""
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: Connection(Config(plain, lifespan="off"), state, {}), "127.0.0.1")
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    writer.write(first)
    answer, rest, ended = await reader.readuntil(b"ok"), b"", False
    for piece in later:
        writer.write(piece)
        await asyncio.sleep(HEADERS_S / 10)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(2 * HEADERS_S):
            while piece := await reader.read(PIECE):
                rest += piece
            ended = True
    writer.close()
    server.close()
    return answer, rest, ended


@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
@pytest.mark.parametrize(
    ("first", "later"),
    [(GET, b"\r\n"), (GET, b"G"), (BEGUN, b"x"), (BEGUN + b"x" * 10, b"x" * 5)],
    ids=["an empty line", "a first letter", "a piece of a body", "more of a body"],
)
def test_who_was_answered_and_says_next_to_nothing_is_cut_off(run, first: bytes, later: bytes, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "HEADER_S", HEADERS_S)
    answer, rest, ended = run(stays(first, later))
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert ended
    assert rest.startswith(b"HTTP/1.1 408 ")


def test_who_asks_again_in_time_is_answered(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "HEADER_S", HEADERS_S)
    _, rest, _ = asyncio.run(stays(BEGUN, b"x" * 1000, b"\r\n", GET[:20], GET[20:], *[GET] * 12))
    assert rest.count(b"HTTP/1.1 200 ") == 13


def test_a_refusal_has_an_id_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture):
    before = metrics.REQUESTS.labels("", "other", 431)._value.get()
    with caplog.at_level(logging.INFO, "timbre.access"):
        _, wire = told(b"GET / HTTP/1.1\r\nX: ", *[b"y" * PIECE] * 3)
    (line,) = caplog.records
    head, _, body = wire.said.partition(b"\r\n\r\n")
    assert json.loads(body)["detail"] in line.getMessage()
    assert f"x-request-id: {line.__dict__['request_id']}".encode() in head.splitlines()
    assert metrics.REQUESTS.labels("", "other", 431)._value.get() == before + 1


def test_who_comes_when_all_connections_are_taken_is_told_when_to_come_again(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "MOST", 0)
    head = told()[1].said.splitlines()
    assert head[0] == b"HTTP/1.1 503 Service Unavailable"
    assert b"retry-after: 5" in head


async def read_for_a_while(pieces: int) -> tuple[int, int]:
    """How many connections there are once a client has taken a piece each 0.1 s, and how many after it has then taken none for long."""
    loop, state = asyncio.get_running_loop(), ServerState()
    server = await loop.create_server(lambda: Connection(Config(generous, lifespan="off"), state, {}), "127.0.0.1")
    with socket.socket() as line:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, PIECE)
        line.setblocking(False)
        await loop.sock_connect(line, server.sockets[0].getsockname())
        await loop.sock_sendall(line, b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        await loop.sock_recv(line, 1)
        for _ in range(pieces):
            await asyncio.sleep(0.1)
            await loop.sock_recv(line, PIECE)
        then = len(state.connections)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(10):
                while state.connections:
                    await asyncio.sleep(0.05)
    server.close()
    return then, len(state.connections)


@pytest.mark.parametrize("pieces", [0, 30], ids=["nothing", "slowly"])
@pytest.mark.parametrize("run", [asyncio.run, uvloop.run], ids=["asyncio", "uvloop"])
def test_who_takes_nothing_for_too_long_is_cut_off(run: Callable[..., tuple[int, int]], pieces: int, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "KEYLESS_S", 2.0)
    assert run(read_for_a_while(pieces)) == (1, 0)
