"""uvicorn's HTTP connection with the bounds that it lacks: on headers and trailers, in bytes and in time, on clients that do not read, and
on connections.

The gate comes after the headers, so without these a stranger could fill the memory with headers that never end. It comes before the last
byte of an answer has gone, too: closing a connection waits until its client has read what was written.
"""

import asyncio
import json
import logging
import socket
import uuid
from typing import Any

from bentoml._internal.server.http import traffic
from starlette.types import ASGIApp
from uvicorn.config import HTTP_PROTOCOLS
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

from bentos import metrics

log = logging.getLogger("timbre.access")
CONNECTION = "timbre.connection"  # the ASGI extension by which a request's `Connection` is reached
KEYLESS_S = 10.0  # that whoever has shown no key may take to read, or to end a body
HEADER_BYTES = 64 * 1024  # of the first line and all headers, and of all trailers
LINE_BYTES = len(b": \r\n")
HEADER_S = 20.0  # until the headers of a next request are whole, whatever else comes
MOST = 512  # connections of a process, below the usual 1024 open files
IN_LINE = 32  # requests of a connection that wait for the answers before theirs: each holds far more memory than it has bytes
UNREADABLE = "this is no HTTP request that can be read"
TOO_LARGE = f"the request's headers are larger than {HEADER_BYTES // 1024} KiB: send fewer or shorter ones"
TOO_SLOW = f"the request's headers did not arrive within {HEADER_S:g} s"
TOO_EAGER = f"more than {IN_LINE} requests wait on this connection: read their answers first"
TOO_MANY_STATUS, AGAIN_S = 503, 5
TOO_MANY = "the service has as many connections as it takes: try again in a moment"


class Connection(HttpToolsProtocol):
    """One client's connection."""

    _in_headers = True
    _went_on = True  # nothing but a header, a trailer or a chunk's extension has come with this piece of data
    _received, _trailers = 0, 0  # bytes of what goes on so, and of the trailers that are whole
    _patience: asyncio.TimerHandle | None = None
    _now: RequestResponseCycle | None = None  # what is being answered; uvicorn's `cycle` is what came last

    def connection_made(self, transport: Any) -> None:
        super().connection_made(transport)
        self.allow_stall(KEYLESS_S)
        self._await_headers()
        if len(self.connections) > MOST:
            self._refuse(TOO_MANY_STATUS, TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_waiting()
        self._leave()
        super().connection_lost(exc)

    def allow_stall(self, limit_s: float) -> None:
        """Have the system end the connection where its client takes nothing of what was written for so long.

        The system knows (RFC 793's user timeout, as Linux has it): a slow client may empty a buffer of megabytes for a minute before a
        byte more can be written.
        """
        wire = self.transport.get_extra_info("socket")
        if hasattr(socket, "TCP_USER_TIMEOUT") and wire is not None and not self.transport.is_closing():
            wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(limit_s * 1000))

    def cut(self) -> None:
        """End it now, whatever was not yet sent."""
        self.transport.abort()
        self._leave()

    def _leave(self) -> None:
        """Let what is being answered know that its client is gone."""
        if self._now is not None and not self._now.response_complete:
            self._now.disconnected = True
            self._now.message_event.set()

    def on_response_complete(self) -> None:
        """Wait for the next request with a watch that no data stops; uvicorn's own ends with an empty line, or a late piece of a body."""
        super().on_response_complete()
        if self._patience is None and not self.transport.is_closing():
            self._wait()

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: Any) -> None:
        self._now = cycle
        super()._start_asgi_task(cycle, app)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._went_on = True
        super().data_received(data)
        if self._went_on:
            self._received += len(data)
            if self._received > HEADER_BYTES:
                self._refuse(431, TOO_LARGE)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._in_headers:
            super().on_header(name, value)
            return
        self._trailers += len(name) + len(value) + LINE_BYTES  # nobody asks for trailers, so none is kept
        if self._trailers > HEADER_BYTES:
            self._refuse(431, TOO_LARGE)
            raise ValueError(TOO_LARGE)

    def on_chunk_header(self) -> None:
        self._went_on, self._received = False, 0

    def on_body(self, body: bytes) -> None:
        self._went_on, self._received = False, 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._went_on, self._received = False, 0
        super().on_message_complete()

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.scope["extensions"] = {CONNECTION: self}  # type: ignore[dict-item] # uvicorn's scope has no type for extensions
        self._await_headers()

    def on_headers_complete(self) -> None:
        self._stop_waiting()
        self._in_headers, self._went_on, self._received, self._trailers = False, False, 0, 0
        if len(self.url) + sum(len(name) + len(value) for name, value in self.headers) > HEADER_BYTES:
            self._refuse(431, TOO_LARGE)
            raise ValueError(TOO_LARGE)  # the parser stops here
        if len(self.pipeline) >= IN_LINE:
            self._refuse(429, TOO_EAGER)
            raise ValueError(TOO_EAGER)
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        self._refuse(400, UNREADABLE)

    def _refuse(self, status: int, detail: str) -> None:
        """Answer as the app would, and close; an answer that is under way is not written into."""
        if self.transport.is_closing():
            return
        name = uuid.uuid4().hex
        if self._now is None or self._now.response_complete or not self._now.response_started:
            body = json.dumps({"detail": detail}).encode()
            headers = {"content-type": "application/json", "content-length": len(body), "connection": "close", "x-request-id": name}
            if status == TOO_MANY_STATUS:
                headers["retry-after"] = AGAIN_S
            head = "".join(f"{one}: {value}\r\n" for one, value in headers.items())
            self.transport.write(STATUS_LINE[status] + head.encode() + b"\r\n" + body)
        self.transport.close()
        metrics.REQUESTS.labels("", "other", status).inc()
        log.info("refused before it was a request: %s", detail, extra={"request_id": name, "status": status})

    def _await_headers(self) -> None:
        self._stop_waiting()
        self._in_headers, self._received = True, 0
        self._wait()

    def _wait(self) -> None:
        self._patience = self.loop.call_later(HEADER_S, self._too_slow)

    def _too_slow(self) -> None:
        if self._now is None or self._now.response_complete:
            self._refuse(408, TOO_SLOW)
        else:
            self._wait()

    def _stop_waiting(self) -> None:
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None


def set_up_connections() -> None:
    """Have the servers of this process use them, and go without BentoML's own timeout.

    That one keeps a timer for each request until the timeout has passed, and a task for each client that left before its answer.
    """
    HTTP_PROTOCOLS["auto"] = f"{__name__}:{Connection.__name__}"
    traffic.TimeoutMiddleware = _no_timeout  # type: ignore[misc, assignment]


def _no_timeout(app: ASGIApp, timeout: float) -> ASGIApp:
    return app
