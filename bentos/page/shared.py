"""Gradio's scripts, styles and fonts: the same for everyone, so that each is compressed once, and not anew for each stranger."""

import asyncio
import gzip
import posixpath

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from bentos.threads import in_thread

COMPRESSED = (".js", ".css", ".svg", ".json")  # the others are so by themselves
KEPT_BYTES = 32 * 2**20  # all that Gradio has comes to half of it
PASSED_ON = (b"content-type", b"cache-control", b"last-modified")


class Shared:
    """Gives what an app has for everyone.

    Args:
        app: is asked for each file once, without anything that a client says of itself.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._kept: dict[str, tuple[list[tuple[bytes, bytes]], bytes]] = {}
        self._held = 0
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers, path = Headers(scope=scope), scope["path"]
        plain = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] not in (b"cookie", b"accept-encoding")]}
        wanted = scope["method"] == "GET" and path.endswith(COMPRESSED) and "range" not in headers
        plainly = posixpath.normpath(path) == path  # a file has any number of other names
        if not (wanted and plainly and "gzip" in headers.get("accept-encoding", "") and await self._keep(path, plain, receive)):
            await self._app(plain, receive, send)
            return
        told, body = self._kept[path]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": body})

    async def _keep(self, path: str, scope: Scope, receive: Receive) -> bool:
        """Have it compressed; False where there is no such file, or no room."""
        async with self._turn:
            if path not in self._kept:
                status, headers, body = await whole_answer(self._app, scope, receive)
                if status != 200 or self._held + len(body) > KEPT_BYTES:
                    return False
                packed = await in_thread(gzip.compress, body, 6)
                self._held += len(packed)
                self._kept[path] = (_told(headers, len(packed)), packed)
            return True


def _told(headers: list[tuple[bytes, bytes]], length: int) -> list[tuple[bytes, bytes]]:
    own = [(b"content-encoding", b"gzip"), (b"vary", b"accept-encoding"), (b"content-length", str(length).encode())]
    return [*(pair for pair in headers if pair[0].lower() in PASSED_ON), *own]


async def whole_answer(app: ASGIApp, scope: Scope, receive: Receive) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
    """Status, headers and the whole body."""
    start: Message = {"status": 500, "headers": []}
    body = bytearray()

    async def take(message: Message) -> None:
        if message["type"] == "http.response.start":
            start.update(message)
        else:
            body.extend(message.get("body", b""))

    await app(scope, receive, take)
    return start["status"], list(start["headers"]), bytes(body)
