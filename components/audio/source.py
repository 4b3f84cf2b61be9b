"""Opens what audio comes from: a path, an `s3://` address, bytes or a file object. The content decides the format, never the name."""

import hashlib
import io
import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

import soundfile
from blake3 import blake3

from components.errors import AudioError, S3Error
from components.s3 import Remote, address_of

Source = str | Path | bytes | BinaryIO
# A program that writes to a pipe cannot go back to fill in the length, and leaves one of these.
_UNKNOWN_BYTES = {0, 0x7FFFFFFF, 0x7FFFFFFF - 36, 0x80000000, 0xFFFFFFFF, 0xFFFFFFFF - 36}
_BLOCK = 2**18  # bytes that are hashed at a time, which a processor's cache holds
MOST_BYTES = 2**32  # of an object, which is fetched whole before its header is seen: more than a WAV or an AIFF can hold
_UNKNOWN_FRAMES = 2**63 - 1
_CLAIM = re.compile(r"^ ?(?:data|SSND) : (\d+) \(should be (\d+)\)$", re.MULTILINE)


class Sound(soundfile.SoundFile):  # type: ignore[misc] # soundfile has no types
    """A sound file that is read once, forwards.

    soundfile seeks after each read, which breaks FLAC of unknown length and costs a second decoding of a compressed block.
    """

    def seekable(self) -> bool:
        return False

    @property
    def known_frames(self) -> int | None:
        """Samples a channel as the header has them; None where it does not say."""
        return None if self.frames >= _UNKNOWN_FRAMES else int(self.frames)

    @property
    def claim(self) -> tuple[int, int] | None:
        """Bytes that a WAV or AIFF header announces and bytes that are there, where the two differ."""
        found = _CLAIM.search(self.extra_info)
        announced, there = (int(found[1]), int(found[2])) if found else (0, 0)
        return None if announced in _UNKNOWN_BYTES or announced <= there else (announced, there)


def name_of(source: Source) -> str:
    """What an error calls the source."""
    if isinstance(source, str | Path):
        return address_of(source) or str(source)
    name = getattr(source, "name", None)
    return name if isinstance(name, str) and name else "the audio"


@contextmanager
def near(source: Source) -> Iterator[Source]:
    """The source itself; of an `s3://` address, or a path that stands for one, its content as a file.

    Raises:
        AudioError: if there is no such object, it came damaged, or is larger than `MOST_BYTES`.
        S3Error: if S3 gives nothing at all: no right to it, or no answer.
    """
    address = address_of(source) if isinstance(source, str | Path) else None
    if address is None:
        yield source
        return
    try:
        file = Remote.of(address).open(max_bytes=MOST_BYTES)
    except S3Error as error:
        if error.kind not in ("missing", "damaged", "large"):
            raise
        raise AudioError(str(error)) from None
    with file:
        yield cast(BinaryIO, file)


def digest_of(source: Source) -> str:
    """The sha256 of a source's bytes, which the manifest of a data set holds.

    Raises:
        AudioError: if a path cannot be read.
    """
    return _hashed(source, hashlib.sha256(), int)


def content_of(source: Source, check: Callable[[], object] = int) -> str:
    """The BLAKE3 of a source's bytes, which is what the prediction log knows a clip by: as safe as sha256, and quicker.

    Args:
        check: called now and then; what it raises ends the work.
    Raises:
        AudioError: if a path cannot be read.
    """
    return _hashed(source, blake3(), check)


def _hashed(source: Source, found: Any, check: Callable[[], object]) -> str:
    try:
        if isinstance(source, str | Path):
            with Path(source).open("rb") as file:
                return _hashed(cast(BinaryIO, file), found, check)
        stream = io.BytesIO(source) if isinstance(source, bytes) else source
        stream.seek(0)
        while block := stream.read(_BLOCK):
            check()
            found.update(block)
    except OSError as error:
        raise AudioError(f"cannot read {name_of(source)}: {error.strerror}") from None
    return str(found.hexdigest())


@contextmanager
def opened(source: Source) -> Iterator[Sound]:
    """The source as a sound file; a path never blocks, and a file object is read from its start and left open.

    Raises:
        AudioError: if a path is no regular file or cannot be read, or the content is no audio that libsndfile knows.
        S3Error: as in `near`.
    """
    with near(source) as here, _opened(here) as sound:
        yield sound


@contextmanager
def _opened(source: Source) -> Iterator[Sound]:
    if isinstance(source, str | Path):
        descriptor = _descriptor(source)
        try:
            with _sound(descriptor, str(source)) as sound:
                yield sound
        finally:
            os.close(descriptor)
        return
    stream = io.BytesIO(source) if isinstance(source, bytes | bytearray | memoryview) else source
    try:
        stream.seek(0, os.SEEK_END)
        size = stream.tell()
        stream.seek(0)
    except (AttributeError, OSError, ValueError):
        raise AudioError(f"{name_of(source)} cannot be rewound: pass its bytes instead") from None
    _refuse_empty(size, name_of(source))
    with _sound(stream, name_of(source)) as sound:
        yield sound


def _descriptor(path: str | Path) -> int:
    """Opened without waiting: a FIFO would block, a device could react, so both are refused before and after opening."""
    if "\0" in str(path):
        raise AudioError(f"{str(path)!r} is no path: it holds a null character")
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
    try:
        _refuse_irregular(Path(path).stat(), path)
        descriptor = os.open(path, flags)
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from None
    try:
        _refuse_irregular(os.fstat(descriptor), path)
    except AudioError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_irregular(found: os.stat_result, path: str | Path) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise AudioError(f"{path} is no regular file (a folder, pipe or device): name an audio file")
    _refuse_empty(found.st_size, str(path))


def _refuse_empty(size: int, name: str) -> None:
    if size == 0:
        raise AudioError(f"{name} is empty: it holds no bytes")


def _sound(file: int | BinaryIO, name: str) -> Sound:
    try:
        return Sound(file, closefd=False)
    except soundfile.LibsndfileError as error:
        reason = str(error.error_string).rstrip(".")
        raise AudioError(f"{name} is no audio that can be read ({reason}): convert it to WAV, FLAC, OGG or MP3") from None
