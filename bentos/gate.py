"""What every request passes before a route sees it: its id, the caller's key, a place in line, limits of bytes and time.

It is plain ASGI and works on the stream, so that a body is counted before memory grows, and a client that leaves stops the work.
"""

import asyncio
import contextlib
import contextvars
import logging
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos import metrics
from bentos.access import LOGIN, PAGE, UPLOADS, Access, asks_no_key, is_asset, is_page
from bentos.config import MIB, ServiceConfig
from bentos.connections import CONNECTION, KEYLESS_S
from bentos.errors import Refused, answer, refusal
from bentos.uploads import MULTIPART

log = logging.getLogger("timbre.access")
REQUEST_ID = "X-Request-ID"
PLAIN_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
request_id: contextvars.ContextVar[str] = contextvars.ContextVar("request_id", default="")
LINGER_S = 2.0
LOGIN_PLACES, LOGIN_MIB = 8, 4 / 1024  # to those who have shown no key
FULL = "the service has as many requests in line as it takes: try again in a moment"


class Connection(Protocol):
    """What a request came on."""

    def allow_stall(self, limit_s: float) -> None:
        """Have it end where its client takes nothing of what was written for so long."""

    def cut(self) -> None:
        """End it now, whatever was not yet sent."""


@dataclass
class Line:
    """Requests that share places, and how long one may take."""

    places: int
    time_limit_s: float
    inside: int = 0


@dataclass
class Visit:
    """One request on its way through the gate."""

    limit: float  # bytes of the body
    line: Line
    began: float = field(default_factory=time.monotonic)
    received: int = 0
    status: int = 0
    answered: bool = False
    waits: bool = False  # for the client to send
    unread: bool = False  # there is more of the body than was taken in
    held: bool = False  # the end of the answer was held back


class LeftError(Exception):
    """The client has stopped reading."""


class Gate:
    """The outermost part of the app.

    Args:
        access: gives who may use which route, once the app has started.
        config: the service's limits.
    """

    def __init__(self, app: ASGIApp, access: Callable[[], Access], config: ServiceConfig) -> None:
        self._app, self._access, self._config = app, access, config
        self._line = Line(config.max_pending, config.time_limit_s)
        strangers_s = min(KEYLESS_S, config.time_limit_s)
        self._open, self._login = Line(config.max_pending, strangers_s), Line(LOGIN_PLACES, strangers_s)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        if scope["type"] != "http":  # the service has no websockets
            await send({"type": "websocket.close"})
            return
        headers = Headers(scope=scope)
        given = headers.get(REQUEST_ID, "")
        name = given if PLAIN_ID.fullmatch(given) else uuid.uuid4().hex
        request_id.set(name)
        unread = headers.get("content-length", "0") != "0" or "transfer-encoding" in headers
        visit = Visit(self._limit(scope, headers) * MIB, self._line_of(scope), unread=unread)
        connection: Connection | None = scope.get("extensions", {}).get(CONNECTION)

        async def pass_on(message: Message) -> None:
            try:
                async with asyncio.timeout(_patience_s(scope, visit)):  # a client that does not read must not stay for ever
                    await send(message)
            except TimeoutError:
                raise LeftError from None

        async def tell(message: Message) -> None:
            if message["type"] == "http.response.start":
                visit.status = message["status"]
                if connection is not None:
                    connection.allow_stall(_patience_s(scope, visit))
                own = [(REQUEST_ID.lower().encode(), name.encode()), *([(b"connection", b"close")] if visit.unread else [])]
                message = {**message, "headers": [*message["headers"], *own]}
            elif not message.get("more_body"):
                visit.answered = True
                visit.held = visit.unread
                message = {**message, "more_body": visit.held}  # the end is held back until the client has said its part
            await pass_on(message)

        try:
            await self._answer(scope, headers, receive, tell, visit, name)
            if visit.held:
                await self._drain(receive, visit, _patience_s(scope, visit))
                await pass_on({"type": "http.response.body"})
        except LeftError:
            if connection is not None:
                connection.cut()  # closing it would wait for the client to read

    async def _answer(self, scope: Scope, headers: Headers, receive: Receive, send: Send, visit: Visit, name: str) -> None:
        try:
            await self._admit(scope, headers, receive, send, visit)
        except LeftError:
            raise
        except Exception as error:
            told = answer(refusal(error))
            if not visit.status:
                await told(scope, receive, send)
        finally:
            self._note(scope, visit, name)

    async def _drain(self, receive: Receive, visit: Visit, limit_s: float) -> None:
        """Let a client that was answered early end its body: a connection cut off under it would take the answer along.

        Args:
            limit_s: from the request's beginning.
        """
        left = self._config.max_body_bytes
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(LINGER_S, limit_s - (time.monotonic() - visit.began))):
                while left > 0:
                    message = await receive()
                    left -= len(message.get("body", b""))
                    if not message.get("more_body"):
                        return

    def _limit(self, scope: Scope, headers: Headers) -> float:
        """MiB that the body may have: only an upload is taken in part by part, any other body is held whole."""
        if scope["path"] == LOGIN:
            return LOGIN_MIB
        upload = scope["path"] in UPLOADS and headers.get("content-type", "").lower().startswith(MULTIPART)
        return self._config.max_body_mib if upload else self._config.max_json_mib

    def _line_of(self, scope: Scope) -> Line:
        """Who has shown no key takes no place of those who have."""
        if not asks_no_key(scope["path"], self._config):
            return self._line
        return self._login if scope["path"] == LOGIN else self._open

    async def _admit(self, scope: Scope, headers: Headers, receive: Receive, send: Send, visit: Visit) -> None:
        scope["state"] = {**scope.get("state", {}), "caller": await self._access().check(scope, headers)}
        announced = headers.get("content-length", "")
        if announced.isdecimal() and int(announced) > visit.limit:
            raise _too_large(visit.limit)
        if visit.line.inside >= visit.line.places:
            raise Refused(503, FULL, {"Retry-After": "5"})
        visit.line.inside += 1
        metrics.PENDING.inc()
        try:
            await self._watch(scope, receive, send, visit)
        finally:
            visit.line.inside -= 1
            metrics.PENDING.dec()

    async def _watch(self, scope: Scope, receive: Receive, send: Send, visit: Visit) -> None:
        """Run the app while looking after its client and the clock."""
        client, limit_s = _Client(receive, visit), visit.line.time_limit_s
        client.work = asyncio.ensure_future(self._app(scope, client.take, send))
        try:
            await asyncio.wait({client.work}, timeout=limit_s)
            if not client.work.done():
                if visit.waits and not visit.status:
                    raise Refused(408, f"the body did not arrive within {limit_s:g} s: send less at a time")
                if not visit.status:
                    raise Refused(504, f"the answer took longer than {limit_s:g} s: send less at a time, or use a stream")
                await asyncio.wait({client.work})  # a stream that has begun goes on for as long as its client stays
            if not client.gone.is_set():
                client.work.result()
        finally:
            await client.leave()

    def _note(self, scope: Scope, visit: Visit, name: str) -> None:
        caller, route = scope.get("state", {}).get("caller"), getattr(scope.get("route"), "path", "other")
        if is_page(scope["path"]):
            route = PAGE
        metrics.REQUESTS.labels(scope["method"] if route != "other" else "", route, visit.status or 499).inc()
        metrics.SECONDS.labels(route).observe(time.monotonic() - visit.began)
        quiet = scope["method"] == "GET" and is_asset(scope["path"]) and 200 <= visit.status < 400
        log.log(
            logging.DEBUG if quiet else logging.INFO,  # each visit to the page would be sixty lines
            "%s %s",
            scope["method"],
            scope["path"][:200],
            extra={
                "request_id": name,
                "status": visit.status or 499,
                "ms": round((time.monotonic() - visit.began) * 1000, 1),
                "bytes_in": visit.received,
                "caller": getattr(caller, "name", None),
            },
        )


class _Client:
    """The other end of a request: its body is counted as it comes, and its leaving stops the work."""

    def __init__(self, receive: Receive, visit: Visit) -> None:
        self.gone = asyncio.Event()
        self.work: asyncio.Future[None] | None = None
        self._receive, self._visit = receive, visit
        self._watcher: asyncio.Task[None] | None = None

    async def take(self) -> Message:
        """What the app receives."""
        if self._watcher or self.gone.is_set():
            await self.gone.wait()
            return {"type": "http.disconnect"}
        self._visit.waits = True
        message: Message = await self._receive()
        self._visit.waits = False
        if message["type"] == "http.disconnect":
            self.gone.set()
            return message
        self._visit.unread = bool(message.get("more_body"))
        self._visit.received += len(message.get("body", b""))
        if self._visit.received > self._visit.limit:
            raise _too_large(self._visit.limit)
        if not self._visit.unread:
            self._watcher = asyncio.create_task(self._watch())
        return message

    async def leave(self) -> None:
        """Stop whatever still runs."""
        for task in (self.work, self._watcher):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError, Exception):
                    await task

    async def _watch(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.gone.set()
        if self.work and not self._visit.answered:
            self.work.cancel()


def _patience_s(scope: Scope, visit: Visit) -> float:
    """How long a client may neither read nor end its body: less before it has shown a key, here or to the page."""
    known = scope.get("state", {}).get("caller") is not None
    return visit.line.time_limit_s if known else min(KEYLESS_S, visit.line.time_limit_s)


def _too_large(limit: float) -> Refused:
    size = f"{limit / MIB:g} MiB" if limit >= MIB / 100 else f"{limit / 1024:g} KiB"
    return Refused(413, f"the request's body is larger than {size}: send fewer or smaller files")
