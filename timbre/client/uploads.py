"""Files on their way to the service: opened one by one as their turn comes, and once more where a request is repeated."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

from components.errors import DataError

Name = str | os.PathLike[str]
File = Name | bytes | IO[bytes]
FIELD = "audio_files"


class Later:
    """A file that is opened when it is first read and closed at its end, so that a thousand of them need no thousand handles."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: IO[bytes] | None = None

    def read(self, size: int = -1) -> bytes:
        if self._file is None:
            self._file = self._path.open("rb")
        data = self._file.read(size)
        if not data:
            self.close()
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """To its start; from its end, only how long it is."""
        if whence == os.SEEK_END:
            return self._path.stat().st_size
        if offset:
            raise io.UnsupportedOperation("only from its start")
        self.close()
        return 0

    def tell(self) -> int:
        return 0

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
        self._file = None


def parts(files: File | Iterable[File]) -> list[tuple[str, Any]]:
    """(name, content) of each file; content can be sent more than once.

    Args:
        files: paths, bytes or open binary files, or one of these. An open file is sent from its start.
    Raises:
        DataError: if there are none, or one is no file that can be read.
    """
    single = isinstance(files, str | bytes | bytearray | memoryview | os.PathLike) or hasattr(files, "read")
    given: list[Any] = list(files) if isinstance(files, Iterable) and not single else [files]
    if not given:
        raise DataError("there are no files to send: name one or more")
    return [_part(file, place) for place, file in enumerate(given)]


def _part(file: Any, place: int) -> tuple[str, Any]:
    if isinstance(file, bytes | bytearray | memoryview):
        return f"clip {place}", bytes(file)
    if isinstance(file, str | os.PathLike):
        return os.fspath(file), Later(_readable(Path(file), os.fspath(file)))
    if not hasattr(file, "read") or isinstance(file, io.TextIOBase):
        raise DataError(f"{str(file)[:100]!r} is no file that can be sent: give paths, bytes, or files opened in binary mode")
    name = str(getattr(file, "name", "") or f"clip {place}")
    return name, file if getattr(file, "seekable", lambda: False)() else file.read()


def _readable(path: Path, shown: str) -> Path:
    if path.is_dir() and shown:
        raise DataError(f"{shown!r} is a folder: name the files in it, or ask the service for a folder of its own by predict_directory()")
    if not path.is_file():
        raise DataError(f"{shown!r} is no file: name files, or give bytes or open files")
    if not os.access(path, os.R_OK):
        raise DataError(f"{shown!r} may not be read: see whose file it is")
    return path
