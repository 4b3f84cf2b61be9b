"""A connection's bounds, without a service."""

import asyncio
import resource

import pytest
from uvicorn.config import Config
from uvicorn.server import ServerState

from bentos.connections import HEADER_BYTES, Connection

START = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
PIECE = 2**16


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


def told(*pieces: bytes) -> tuple[Connection, Wire]:
    """A connection after these pieces of data."""

    async def run() -> tuple[Connection, Wire]:
        wire = Wire()
        connection = Connection(Config(idle, lifespan="off"), ServerState(), {})
        connection.connection_made(wire)
        for piece in pieces:
            connection.data_received(piece)
        connection.connection_lost(ConnectionError())
        await asyncio.gather(*connection.tasks)
        return connection, wire

    return asyncio.run(run())


@pytest.mark.parametrize(
    "endless",
    [b"X-A: yyyyyyyy\r\n" * (PIECE // 15), b"a:\r\n" * (PIECE // 4), b"y" * PIECE],
    ids=["trailers", "short trailers", "one trailer"],
)
def test_endless_trailers_are_refused_and_none_is_kept(endless: bytes):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    connection, wire = told(START + b"0\r\n", b"X-B: ", *[endless] * 200)
    assert wire.closed
    assert wire.said.startswith(b"HTTP/1.1 431 ")
    assert len(connection.headers) == 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 8 * 1024


def test_an_endless_extension_of_a_chunk_is_refused():
    assert told(START + b"1;", *[b"y" * PIECE] * 3)[1].said.startswith(b"HTTP/1.1 431 ")


def test_a_body_of_many_small_chunks_and_a_few_trailers_are_none_of_these():
    _, wire = told(START, *[b"1\r\nx\r\n" * (2 * HEADER_BYTES // 6)] * 4, b"0\r\nDigest: x\r\n\r\n")
    assert (wire.closed, wire.said) == (False, b"")


def test_bytes_of_a_body_that_come_one_by_one_are_no_header():
    _, wire = told(START, b"fffff\r\n", *[b"x"] * (HEADER_BYTES + 10))
    assert (wire.closed, wire.said) == (False, b"")
