"""The bytes of scored clips, kept under their sha256 in a folder or on S3, so that people can listen to what drifted."""

import contextlib
import logging
import os
import shutil
import stat
import tempfile
import threading
import uuid
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from components.errors import ConfigError

log = logging.getLogger("timbre.service")
SCHEME = "s3://"
MOST_BYTES = 64 * 2**20  # that wait to be kept
ROOM = 2**29  # bytes that stay free on a disk
CLOSE_S = 10.0
Count = Callable[[str, int], None]


class Place(Protocol):
    """Where bytes are kept. What goes wrong is an OSError."""

    def uri(self, sha256: str) -> str: ...
    def holds(self, sha256: str) -> bool:
        """Whether they are known to be there, without asking another machine."""

    def put(self, sha256: str, content: bytes) -> None: ...


class Folder:
    """A folder of this machine."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder.absolute()

    def uri(self, sha256: str) -> str:
        return str(self._folder / sha256[:2] / sha256)

    def holds(self, sha256: str) -> bool:
        return Path(self.uri(sha256)).is_file()

    def put(self, sha256: str, content: bytes) -> None:
        path = Path(self.uri(sha256))
        path.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(path.parent).free < ROOM + len(content):
            raise OSError(f"the disk of {self._folder} is nearly full")
        partly = path.with_name(f".{uuid.uuid4().hex}")
        try:
            partly.write_bytes(content)
            partly.replace(path)
        finally:
            partly.unlink(missing_ok=True)


class Bucket:
    """A prefix in a bucket of S3, with the credentials of the environment."""

    def __init__(self, address: str) -> None:
        self._address = address.rstrip("/")

    def uri(self, sha256: str) -> str:
        return f"{self._address}/{sha256}"

    def holds(self, sha256: str) -> bool:
        return False

    def put(self, sha256: str, content: bytes) -> None:
        fs = _s3()
        if not fs.exists(self.uri(sha256)):
            fs.pipe_file(self.uri(sha256), content)


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


def drop(uri: str) -> None:
    """Remove what is kept there; it may be gone already.

    Raises:
        OSError: if it cannot be removed.
    """
    if uri.startswith(SCHEME):
        with contextlib.suppress(FileNotFoundError):
            _s3().rm_file(uri)
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
        count: told how many clips were `kept`, `skipped` (too many waited) or `failed`.
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

    def take(self, sha256: str, source: Any) -> str | None:
        """Where the bytes of a seekable file object will be; None where they cannot be taken now."""
        if self._place.holds(sha256):
            return self._place.uri(sha256)
        size = source.seek(0, os.SEEK_END)
        with self._changed:
            taken = not self._closing and size <= self._max_bytes and (self._bytes + size <= self._most_bytes or not self._bytes)
            self._bytes += size if taken else 0
        if not taken:
            self._count("skipped", 1)
            return None
        source.seek(0)
        content = source.read()
        with self._changed:
            self._bytes += len(content) - size
            self._waiting.append((sha256, content))
            self._changed.notify()
        return self._place.uri(sha256)

    def close(self, within_s: float = CLOSE_S) -> None:
        """Put what waits in its place, for at most this long."""
        with self._changed:
            self._closing = True
            self._changed.notify()
        self._thread.join(within_s)

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._waiting and not self._closing:
                    self._changed.wait()
                if not self._waiting:
                    return
                sha256, content = self._waiting.popleft()
            try:
                self._place.put(sha256, content)
                self._count("kept", 1)
            except Exception as error:  # S3's client has errors of many kinds
                log.warning("the audio %s cannot be kept: %s", sha256[:8], error)
                self._count("failed", 1)
            with self._changed:
                self._bytes -= len(content)
            del content


def _download(uri: str, max_bytes: int) -> BinaryIO:
    with contextlib.ExitStack() as stack:
        try:
            remote = stack.enter_context(_s3().open(uri, "rb"))
            if remote.size > max_bytes:
                raise OSError(f"{uri} holds {remote.size} bytes, more than {max_bytes}")
            file = stack.enter_context(tempfile.TemporaryFile())
            shutil.copyfileobj(remote, file, 2**20)
        except Exception as error:  # S3's client has errors of many kinds
            raise OSError(f"S3 does not give {uri}: {error}") from error
        remote.close()
        stack.pop_all()  # the file is the caller's now
    file.seek(0)
    return file


def _s3() -> Any:
    try:
        import s3fs  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise ConfigError("TIMBRE_LOG_AUDIO names S3, which needs s3fs: pip install 'timbre-audio[s3]'") from None
    endpoint = os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL")
    return s3fs.S3FileSystem(endpoint_url=endpoint, use_listings_cache=False)
