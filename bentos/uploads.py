"""The files of a multipart request, handed on one by one while the rest still streams in, so that few of them are held at a time."""

import dataclasses
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from fastapi.exceptions import RequestValidationError
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from bentos.errors import Refused
from bentos.scratch import NamedFile, Scratch

FIELD = "audio_files"
MULTIPART = "multipart/form-data"
HEADER_BYTES, OTHER_PARTS = 8192, 8
LONGEST_BOUNDARY = 70  # RFC 2046
BROKEN = "the multipart body cannot be read: it breaks off or its boundary is wrong"


@dataclass
class _Parts:
    """What the parser tells, part by part."""

    most: int
    field: str
    scratch: Scratch
    done: list[NamedFile] = dataclasses.field(default_factory=list)
    files: int = 0
    others: int = 0
    current: NamedFile | None = None
    headers: dict[bytes, bytes] = dataclasses.field(default_factory=dict)
    name: bytes = b""
    value: bytes = b""
    ended: bool = False

    def on_part_begin(self) -> None:
        self.headers, self.name, self.value, self.current = {}, b"", b"", None

    def on_header_field(self, data: bytes, start: int, end: int) -> None:
        self.name += data[start:end]
        self._check(len(self.name))

    def on_header_value(self, data: bytes, start: int, end: int) -> None:
        self.value += data[start:end]
        self._check(len(self.value))

    def on_header_end(self) -> None:
        self.headers[self.name.lower()] = self.value
        self.name, self.value = b"", b""
        self._check(len(self.headers) * 256)

    def on_headers_finished(self) -> None:
        _, options = parse_options_header(self.headers.get(b"content-disposition"))
        is_ours = options.get(b"name") == self.field.encode()
        if is_ours and b"filename" not in options:
            told = {"loc": ("body", self.field, self.files), "msg": f"Expected a file; of curl: -F {self.field}=@clip.wav"}
            raise RequestValidationError([{**told, "type": "value_error"}])
        if not is_ours:
            self.others += 1
            if self.others > OTHER_PARTS:
                raise Refused(413, f"the request has more than {OTHER_PARTS} parts other than {self.field}: send the files alone")
            return
        self.files += 1
        if self.files > self.most:
            raise Refused(413, f"one request takes at most {self.most} files: send them in parts")
        self.current = NamedFile(options[b"filename"].decode("utf-8", "replace")[:255], self.scratch)

    def on_part_data(self, data: bytes, start: int, end: int) -> None:
        if self.current is not None:
            self.current.write(memoryview(data)[start:end])

    def on_part_end(self) -> None:
        if self.current is not None:
            self.current.flush()
            self.done.append(self.current)
            self.current = None

    def on_end(self) -> None:
        self.ended = True

    def _check(self, size: int) -> None:
        if size > HEADER_BYTES:
            raise Refused(400, "a part of the multipart body has headers that are too long")


async def uploads(request: Request, scratch: Scratch, most: int, field: str = FIELD) -> AsyncIterator[NamedFile]:
    """The parts called `field` as they become complete; whoever gets one closes it.

    Raises:
        Refused: 400 if the body is broken, 413 if there are more than `most`.
        RequestValidationError: if a part called so is no file.
        SourceError: full.
    """
    _, options = parse_options_header(request.headers["content-type"])
    boundary = options.get(b"boundary", b"")
    if not 0 < len(boundary) <= LONGEST_BOUNDARY:
        raise Refused(400, f"the multipart body's type names no boundary of 1 to {LONGEST_BOUNDARY} characters")
    parts = _Parts(most, field, scratch)
    told: Any = {name: getattr(parts, name) for name in dir(parts) if name.startswith("on_")}
    parser = MultipartParser(boundary, told)
    try:
        async for chunk in request.stream():
            parser.write(chunk)
            while parts.done:
                yield parts.done.pop(0)
        if not parts.ended:
            raise Refused(400, BROKEN)
    except FormParserError:
        raise Refused(400, BROKEN) from None
    finally:
        for file in (*parts.done, *filter(None, [parts.current])):
            file.close()


def check_type(request: Request) -> None:
    """Refuse what is no multipart body with 415."""
    if not request.headers.get("content-type", "").lower().startswith(MULTIPART):
        raise Refused(415, f"send the audio as {MULTIPART} with one field {FIELD} a file")
