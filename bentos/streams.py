"""Answers that come while the work goes on: NDJSON, or server-sent events where the client asks for them."""

import json
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

from bentos.errors import refusal

NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"
LINE_ENDS = {ord(end): f"\\u{ord(end):04x}" for end in "\x85\u2028\u2029"}  # Unicode's, at which some clients end a line
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy that collects would undo the stream


def stream(
    request: Request, lines: AsyncGenerator[dict[str, Any]], total: dict[str, Any], on_end: Callable[[], Awaitable[object]] | None = None
) -> StreamingResponse:
    """Send each line as it comes; the last says `"status": "done"` with what `total` then holds, or `"failed"` with the reason.

    Args:
        on_end: called and waited for however it ends, also where the client left before the first line.
    """
    events = EVENTS in request.headers.get("accept", "")

    def written(line: dict[str, Any], event: str) -> str:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False).translate(LINE_ENDS)
        return f"event: {event}\ndata: {text}\n\n" if events else f"{text}\n"

    async def body() -> AsyncGenerator[str]:
        try:
            async with aclosing(lines):
                async for line in lines:
                    yield written(line, "clip")
            yield written({"status": "done", **total}, "done")
        except Exception as error:
            refused = refusal(error)
            yield written({"status": "failed", "code": refused.status_code, "detail": refused.detail}, "failed")

    return _Stream(body(), on_end, EVENTS if events else NDJSON)


class _Stream(StreamingResponse):
    """Stops what makes its lines when it is stopped itself."""

    def __init__(self, body: AsyncGenerator[str], on_end: Callable[[], Awaitable[object]] | None, media_type: str) -> None:
        super().__init__(body, media_type=media_type, headers=HEADERS)
        self._body, self._on_end = body, on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            async with aclosing(self._body):
                await super().__call__(scope, receive, send)
        finally:
            if self._on_end is not None:
                await self._on_end()
