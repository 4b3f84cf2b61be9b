"""Lines of a stream, as a client takes them apart."""

import asyncio
import json
from collections.abc import AsyncGenerator
from typing import Any

import pytest
from starlette.requests import Request

from bentos.streams import EVENTS, NDJSON, stream

NAME = "".join(map(chr, range(0x20))) + "\x7f\x85\u2028\u2029\N{SNOWMAN}.wav"


@pytest.mark.parametrize("kind", [NDJSON, EVENTS])
def test_a_name_ends_no_line(kind: str):
    async def lines() -> AsyncGenerator[dict[str, Any]]:
        yield {NAME: {"error": NAME}}

    async def run() -> str:
        request = Request({"type": "http", "headers": [(b"accept", kind.encode())]})
        return "".join([str(part) async for part in stream(request, lines(), {}).body_iterator])

    text = asyncio.run(run())
    first, last = [line.removeprefix("data: ") for line in text.splitlines() if line.startswith(("{", "data: "))]
    assert json.loads(first) == {NAME: {"error": NAME}}
    assert json.loads(last) == {"status": "done"}
    assert "\N{SNOWMAN}" in text
