"""The clips that people brought and what the model heard of them: a private folder with a bound, where nothing stays for long."""

import contextlib
import os
import re
import shutil
import stat
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import soundfile

from bentos.errors import Refused
from bentos.scratch import FULL_DISK
from components.audio import Clip16
from components.datasets.files import AUDIO_EXTENSIONS
from components.errors import ConfigError
from components.locks import locked

PREFIX = "timbre-page-"
TOKEN = re.compile(r"[0-9a-f]{32}(\.[a-z0-9]{1,8})?")  # the name that a clip has here; who knows it may hear the clip
KEPT_S = 1800
FLAC_BYTES = 2**16  # of its head; noise takes 0.13 % more than its samples
MOST_CLIPS = 4  # of the largest size, at a time
GONE = "the service has the clip no longer: drop or record it again"
FULL = "the service holds as many clips as it takes just now: try again in some minutes"


class Clips:
    """The folder.

    Args:
        folder: nobody else's.
        max_bytes: of one upload.
    """

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self.folder, self._most = folder, MOST_CLIPS * max_bytes

    def keep(self, name: str, file: Any) -> str:
        """Keep an open file; the token that finds it.

        Raises:
            Refused: 503 if there is no room.
        """
        suffix = Path(name).suffix.lower()
        token = uuid.uuid4().hex + (suffix if suffix in AUDIO_EXTENSIONS else "")
        size = file.seek(0, os.SEEK_END)
        file.seek(0)
        with self._place(token, size) as kept:
            shutil.copyfileobj(file, kept)
        return token

    def keep_heard(self, clip: Clip16, sample_rate: int) -> str:
        """Keep a clip as the model heard it, in a form that every browser plays; its token.

        Raises:
            Refused: 503 if there is no room.
        """
        token = f"{uuid.uuid4().hex}.flac"
        size = clip.samples.nbytes
        with self._place(token, size + size // 500 + FLAC_BYTES) as kept:
            measured = _Measured(kept)
            with soundfile.SoundFile(measured, "w", sample_rate, 1, "PCM_16", format="FLAC") as file:
                file.write(clip.samples)
            kept.truncate(measured.end)
        return token

    def find(self, token: str) -> Path:
        """Where a clip lies.

        Raises:
            Refused: 404 if it is no longer there.
        """
        path = self.folder / token
        if TOKEN.fullmatch(token) and path.is_file():
            return path
        raise Refused(404, GONE)

    def sweep(self, before: float) -> None:
        """Remove what was last written before a moment."""
        sweep(self.folder, before)

    @contextlib.contextmanager
    def _place(self, token: str, size: int) -> Iterator[BinaryIO]:
        """A new file that takes its whole size from the start, so that clips that come at the same time see it; gone where it fails."""
        path = self.folder / token
        try:
            with contextlib.ExitStack() as stack:
                with locked(self.folder):
                    self._check_room(size)
                    file = stack.enter_context(path.open("x+b"))
                    _allocate(file, size)
                yield file
        except BaseException as error:
            path.unlink(missing_ok=True)
            if isinstance(error, OSError) and error.errno in FULL_DISK:
                raise Refused(503, FULL, {"Retry-After": "60"}) from error
            raise

    def _check_room(self, size: int) -> None:
        self.sweep(time.time() - KEPT_S)
        held = size
        for path in self.folder.iterdir():
            with contextlib.suppress(OSError):
                held += path.stat().st_size if path.is_file() else 0
        if held > self._most:
            raise Refused(503, FULL, {"Retry-After": "60"})


class _Measured:
    """Knows where what was written ends: libsndfile goes back to the head at last."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self.end = file, 0
        self.read, self.seek, self.tell = file.read, file.seek, file.tell

    def write(self, data: bytes) -> int:
        written = self._file.write(data)
        self.end = max(self.end, self._file.tell())
        return written


def sweep(folder: Path, before: float) -> None:
    """Remove the files of a folder that were last written before a moment."""
    for path in folder.iterdir():
        with contextlib.suppress(OSError):
            if path.is_file() and path.stat().st_mtime < before:
                path.unlink()


def _allocate(file: BinaryIO, size: int) -> None:
    """Have the disk give the bytes now: libsndfile cannot tell later that it is full."""
    if size and hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, size)
    file.truncate(size)


def private_folder() -> Path:
    """A folder for the clips of one service, whose processes share it: a clip may come to one of them and its request to another.

    Raises:
        ConfigError: if another user made it.
    """
    above = Path(tempfile.gettempdir())
    for left in above.glob(f"{PREFIX}*"):
        number = left.name.removeprefix(PREFIX)
        if number.isdigit() and not Path(f"/proc/{number}").exists() and Path("/proc/self").exists():
            shutil.rmtree(left, ignore_errors=True)  # its service was killed
    folder = above / f"{PREFIX}{os.getppid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
        raise ConfigError(f"{folder} belongs to somebody else: remove it, or set TMPDIR to a folder of the service's own")
    return folder.resolve()
