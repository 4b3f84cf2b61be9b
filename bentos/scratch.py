"""Temporary bytes of one process, uploads and copies of S3 objects: reserved before they are written, so that they fill no disk."""

import contextlib
import errno
import shutil
import tempfile
import threading
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from bentos.source_errors import SourceError

MOST_BYTES = 4 * 2**30
ROOM = 2**29  # bytes that stay free on the disk
IN_MEMORY = 2 * 2**20  # a larger file goes on in a nameless temporary one
FULL_DISK = (errno.ENOSPC, errno.EDQUOT)
STEP = 2**20  # that a file which grows takes at a time


class Scratch:
    """For use from any thread.

    Args:
        max_bytes: at a time.
        folder: where they lie; the system's place for temporary files where none is given.
    """

    def __init__(self, max_bytes: int = MOST_BYTES, folder: Path | None = None) -> None:
        self.max_bytes, self._folder = max_bytes, folder
        self._lock = threading.Lock()
        self._taken = self._unwritten = 0
        # What comes back waits here for the next `take`: Python's own tidying may close a file within any line, also under the lock.
        self._back = deque[tuple[int, int]]()

    def take(self, size: int, unwritten: int = 0) -> None:
        """Reserve bytes; `unwritten` of them are not yet missing from the disk.

        Raises:
            SourceError: full.
        """
        free = shutil.disk_usage(self._folder or tempfile.gettempdir()).free
        with self._lock:
            while self._back:
                taken, promised = self._back.popleft()
                self._taken -= taken
                self._unwritten -= promised
            if self._taken + size > self.max_bytes or size > free - ROOM - self._unwritten:
                raise full()
            self._taken += size
            self._unwritten += unwritten

    def give(self, size: int, unwritten: int = 0) -> None:
        """Return bytes, or tell that some are written."""
        self._back.append((size, unwritten))


class Copy:
    """Room for bytes whose number is known before they come."""

    def __init__(self, scratch: Scratch, size: int) -> None:
        self._scratch, self._size = scratch, size
        scratch.take(size, unwritten=size)
        self._unwritten = size

    def wrote(self, size: int) -> None:
        """So many of them lie on the disk now."""
        size = min(size, self._unwritten)
        self._unwritten -= size
        self._scratch.give(0, size)

    def close(self) -> None:
        self._scratch.give(self._size, self._unwritten)
        self._size = self._unwritten = 0


class NamedFile:
    """A temporary file object that errors call by the client's own name for it."""

    def __init__(self, name: str, scratch: Scratch) -> None:
        self.name = name or "the file"
        self._scratch, self._taken, self._size = scratch, 0, 0
        self._file = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - whoever gets it closes it

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def readinto(self, buffer: memoryview) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def write(self, data: bytes | memoryview) -> int:
        """Append.

        Raises:
            SourceError: full.
        """
        self._size += len(data)
        if self._size > max(IN_MEMORY, self._taken):
            more = max(STEP, self._size - self._taken)
            self._scratch.take(more)
            self._taken += more
        with writing():
            return self._file.write(data)

    def flush(self) -> None:
        with writing():
            self._file.flush()

    def truncate(self) -> int:
        self._size = self._file.tell()
        return self._file.truncate()

    def close(self) -> None:
        with contextlib.suppress(OSError):  # what did not fit any more
            self._file.close()
        taken, self._taken = self._taken, 0
        self._scratch.give(taken)

    def __del__(self) -> None:
        self.close()  # where the client left before anyone opened it


@contextlib.contextmanager
def writing() -> Iterator[None]:
    """Tell of a full disk as such."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL_DISK:
            raise full() from error
        raise


def full() -> SourceError:
    return SourceError("full", "the service has no room for more temporary files just now: try again in a moment")
