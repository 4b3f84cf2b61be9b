"""The bytes of scored clips, kept under their BLAKE3 in a folder or on S3, so that people can listen to what drifted."""

import contextlib
import logging
import os
import re
import shutil
import stat
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple, Protocol, cast

from components.errors import ConfigError, S3Error
from components.evaluation.names import plural
from components.s3 import SCHEME, Remote, is_remote

log = logging.getLogger("timbre.service")
MOST_BYTES = 64 * 2**20  # that wait to be kept
ROOM = 2**29  # bytes that stay free on a disk
CLOSE_S = 10.0
RENEWED_S = 3600.0  # after which an object that comes again is written again, as S3 changes no time otherwise
PART = re.compile(r"[0-9a-f]{2}")
Count = Callable[[str, int], None]


class Kept(NamedTuple):
    """What lies in a place.

    Attributes:
        name: a BLAKE3, or what a writer that was killed left, or what somebody else put there.
        sent_s: when a service was last sent it or wrote it, to the hour, in seconds since 1970.
    """

    name: str
    uri: str
    sent_s: float


class Place(Protocol):
    """Where bytes are kept. What goes wrong is an OSError."""

    def uri(self, blake3: str) -> str: ...
    def renew(self, blake3: str) -> bool:
        """Whether they are known to be there, without asking another machine; they then count as sent now."""

    def put(self, blake3: str, content: bytes) -> None:
        """Keep them; where they are there already, they count as sent now."""

    def kept(self, after: str) -> Iterator[Kept]:
        """What lies there, in the order of names, from after a BLAKE3 on."""


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def uri(self, blake3: str) -> str:
        return str(self._folder / blake3[:2] / blake3)

    def renew(self, blake3: str) -> bool:
        there = may_hold(self.uri(blake3))
        if there:
            with contextlib.suppress(OSError):  # another user's
                os.utime(self.uri(blake3))
        return there

    def put(self, blake3: str, content: bytes) -> None:
        path = Path(self.uri(blake3))
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < ROOM + len(content):
            raise OSError(f"the disk of {self._folder} is nearly full")
        partly = path.with_name(f".{uuid.uuid4().hex}")
        try:
            partly.write_bytes(content)
            partly.replace(path)
        finally:
            partly.unlink(missing_ok=True)

    def kept(self, after: str) -> Iterator[Kept]:
        parts = sorted(self._folder.iterdir()) if self._folder.is_dir() else []
        for part in parts:
            if PART.fullmatch(part.name) and part.name >= after[:2]:
                for path in sorted(part.iterdir()):
                    if (part.name, path.name) > (after[:2], after) and path.is_file():
                        yield Kept(path.name, str(path), _written_s(path))


class Bucket:
    """A prefix in a bucket of S3, with the credentials of the environment."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def uri(self, blake3: str) -> str:
        return f"{self._address}/{blake3}"

    def renew(self, blake3: str) -> bool:
        return False

    def put(self, blake3: str, content: bytes) -> None:
        with _as_os_error():
            there = Remote.of(self._address)
            found = there.look(blake3)
            if found is None or time.time() - found.written_s > RENEWED_S:
                there.put(blake3, content)

    def kept(self, after: str) -> Iterator[Kept]:
        with _as_os_error():
            for name, found in Remote.of(self._address).objects_after(after):
                yield Kept(name, f"{self._address}/{name}", found.written_s)


def place_of(where: str) -> Place | None:
    """The place that a setting names; None for `none`.

    Raises:
        ConfigError: if it is S3 without a bucket.
    """
    if where == "none":
        return None
    if not where.startswith(SCHEME):
        return Folder(Path(where))
    if not where.removeprefix(SCHEME).strip("/"):
        raise ConfigError(f"TIMBRE_LOG_AUDIO={where} names no bucket: write s3://bucket/prefix, a folder, or none")
    return Bucket(where)


def may_hold(uri: str) -> bool:
    """Whether something may be kept there; another machine is not asked, and a disk that does not answer holds nothing."""
    return is_remote(uri) or os.path.isfile(uri)  # noqa: PTH113 - a Path's own raises where the disk does


def drop(uri: str) -> None:
    """Remove what is kept there; it may be gone already.

    Raises:
        OSError: if it cannot be removed.
    """
    if uri.startswith(SCHEME):
        with _as_os_error():
            above, _, name = uri.rpartition("/")
            Remote.of(above).remove(name)
        return
    Path(uri).unlink(missing_ok=True)


def fetch(uri: str, max_bytes: int) -> BinaryIO:
    """What is kept there, as a seekable file; the caller closes it.

    Raises:
        OSError: if it is gone, no regular file or too large, or its place is away.
    """
    if uri.startswith(SCHEME):
        return _download(uri, max_bytes)
    file = open(uri, "rb", opener=lambda path, _: os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))  # noqa: SIM115
    found = os.fstat(file.fileno())
    if stat.S_ISREG(found.st_mode) and found.st_size <= max_bytes:
        return file
    file.close()
    raise OSError(f"{uri} is no regular file of at most {max_bytes} bytes")


class KeptAudio:
    """Takes bytes from whoever has them at hand and puts them in their place in a thread of its own.

    Args:
        count: told how many clips were `kept`, `skipped` (too many waited), `dropped` (there was no time left) or `failed`.
        max_bytes: of one clip.
    """

    def __init__(self, place: Place, count: Count, max_bytes: int, most_bytes: int = MOST_BYTES) -> None:
        self._place, self._count, self._max_bytes, self._most_bytes = place, count, max_bytes, most_bytes
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._bytes = 0
        self._closing = False
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="timbre-kept-audio", daemon=True)
        self._thread.start()

    def take(self, blake3: str, source: Any) -> str | None:
        """Where the bytes of a seekable file object will be; None where they cannot be taken now, which is counted."""
        if self._place.renew(blake3):
            return self._place.uri(blake3)
        size = source.seek(0, os.SEEK_END)
        with self._changed:
            taken = not self._closing and size <= self._max_bytes and (self._bytes + size <= self._most_bytes or not self._bytes)
            self._bytes += size if taken else 0
        if not taken:
            self._count("skipped", 1)
            return None
        try:
            source.seek(0)
            content = source.read()
        except OSError as error:
            with self._changed:
                self._bytes -= size
            self._fail(blake3, str(error))
            return None
        with self._changed:
            late = self._closing
            self._bytes += (0 if late else len(content)) - size
            if not late:
                self._waiting.append((blake3, content))
                self._changed.notify()
        if late:
            self._count("skipped", 1)
            return None
        return self._place.uri(blake3)

    def close(self, within_s: float = CLOSE_S) -> None:
        """Put what waits in its place, for at most this long; what is left then is dropped and counted."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(within_s)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            log.warning("the audio of %s is not kept: there was no time left for it", plural(left, "clip"))
            self._count("dropped", left)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                blake3, content = self._waiting[0]  # it waits until it is kept
            reason = self._put(blake3, content)
            with self._changed:
                if not self._waiting:
                    return  # it was dropped, and is counted as that
                self._waiting.popleft()
                self._bytes -= len(content)
            del content
            if reason is None:
                self._count("kept", 1)
            else:
                self._fail(blake3, reason)

    def _put(self, blake3: str, content: bytes) -> str | None:
        """None, or why it cannot be kept; the error itself would hold the content."""
        try:
            self._place.put(blake3, content)
        except Exception as error:  # whatever it is, it is logged and counted, and the thread goes on with the next clip
            return str(error) or type(error).__name__
        return None

    def _fail(self, blake3: str, reason: str) -> None:
        log.warning("the audio %s cannot be kept: %s", blake3[:8], reason)
        self._count("failed", 1)


def _written_s(path: Path) -> float:
    """Seconds since 1970; now where it has been removed meanwhile."""
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return time.time()


def _download(uri: str, max_bytes: int) -> BinaryIO:
    with _as_os_error():
        return cast(BinaryIO, Remote.of(uri).open(max_bytes=max_bytes))


@contextlib.contextmanager
def _as_os_error() -> Iterator[None]:
    """What a folder raises, S3 raises too."""
    try:
        yield
    except S3Error as error:
        raise OSError(str(error)) from error
