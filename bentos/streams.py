"""Answers that come while the work goes on: NDJSON, or server-sent events where the client asks for them."""

import json
from collections.abc import AsyncIterator
from typing import Any

from starlette.requests import Request
from starlette.responses import StreamingResponse

from bentos.errors import refusal

NDJSON, EVENTS = "application/x-ndjson", "text/event-stream"
HEADERS = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}  # a proxy that collects would undo the stream


def stream(request: Request, lines: AsyncIterator[dict[str, Any]], total: dict[str, Any]) -> StreamingResponse:
    """Send each line as it comes; the last says `"status": "done"` with what `total` then holds, or `"failed"` with the reason."""
    events = EVENTS in request.headers.get("accept", "")

    def written(line: dict[str, Any], event: str) -> str:
        text = json.dumps(line, ensure_ascii=False, allow_nan=False)
        return f"event: {event}\ndata: {text}\n\n" if events else f"{text}\n"

    async def body() -> AsyncIterator[str]:
        try:
            async for line in lines:
                yield written(line, "clip")
            yield written({"status": "done", **total}, "done")
        except Exception as error:
            refused = refusal(error)
            yield written({"status": "failed", "code": refused.status_code, "detail": refused.detail}, "failed")

    return StreamingResponse(body(), media_type=EVENTS if events else NDJSON, headers=HEADERS)
