"""The bytes of a logged clip: what was kept, or the file that a client named below a data root, where it still has the same bytes."""

import contextlib
import errno
import logging
import os
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from components.audio import content_of
from components.errors import S3Error, TimbreError
from components.monitoring import kept_audio
from components.places import data_roots

log = logging.getLogger(__name__)
MOST_BYTES = 2**30
GONE = frozenset({None, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG})  # what a disk says of no file
GONE_ON_S3 = frozenset({"missing", "large", "damaged"})
KINDS = ((b"RIFF", "wav"), (b"RF64", "wav"), (b"fLaC", "flac"), (b"OggS", "ogg"), (b"ID3", "mp3"), (b"\xff", "mp3"), (b"FORM", "aiff"))


def open_clip(content: str, source: str | None, audio_uri: str | None) -> BinaryIO:
    """A clip as it was sent, at its start; the caller closes it.

    Args:
        content: BLAKE3 that the bytes must have.
        source, audio_uri: as the prediction log has them.
    Raises:
        FileNotFoundError: if it is nowhere any more.
        OSError: if its place does not give it at the moment.
    """
    return first_with(content, _openers(source, audio_uri))


def first_with(content: str, openers: Iterable[Callable[[], BinaryIO]], check: Callable[[], object] = int) -> BinaryIO:
    """The first file whose bytes have a BLAKE3, at its start; what cannot be opened or read is passed over.

    Args:
        check: called now and then; what it raises ends the work.
    Raises:
        FileNotFoundError: if there is none.
        OSError: if there may be one, which its place does not give at the moment.
    """
    away: Exception | None = None
    for opener in openers:
        with contextlib.ExitStack() as stack:
            try:
                file = stack.enter_context(opener())
                if content_of(file, check) == content:
                    file.seek(0)
                    stack.pop_all()  # the caller's now
                    return file
            except (OSError, ValueError, TimbreError) as error:
                log.debug("the audio %s cannot be opened: %s", content[:8], error)
                away = error if _may_pass(error) else away
    if away is not None:
        raise OSError(f"the audio {content[:8]} cannot be read at the moment: {away}") from away
    raise FileNotFoundError(f"the audio {content[:8]} is nowhere any more")


def may_be_there(source: str | None, audio_uri: str | None, roots: Iterable[Path]) -> bool:
    """Whether there is something to open, which is not read.

    Args:
        roots: folders below which a client's name may lie.
    """
    if audio_uri is not None and kept_audio.may_hold(audio_uri):
        return True
    return source is not None and any(kept_audio.may_hold(str(path)) for path in _named(source, roots))


def suffix_of(file: BinaryIO) -> str:
    """`wav`, `flac`... by the file's first bytes, empty where they are none of these; it is rewound."""
    start = file.read(4)
    file.seek(0)
    return next((name for sign, name in KINDS if start.startswith(sign)), "")


def _may_pass(error: Exception) -> bool:
    """Whether the same place may give the file at another time."""
    if isinstance(error.__cause__, S3Error):
        return error.__cause__.kind not in GONE_ON_S3
    return isinstance(error, OSError) and error.errno not in GONE


def _openers(source: str | None, audio_uri: str | None) -> Iterator[Callable[[], BinaryIO]]:
    if audio_uri is not None:
        yield lambda: kept_audio.fetch(audio_uri, MOST_BYTES)
    for path in _named(source or "", data_roots()):
        yield lambda path=path: kept_audio.fetch(str(path), MOST_BYTES)  # type: ignore[misc]


def _named(source: str, roots: Iterable[Path]) -> Iterator[Path]:
    """Where a client's name may lie, which may begin with the root's own; no link leads out of the root."""
    if not source or "://" in source or "\0" in source:
        return
    name = PurePosixPath(source)
    for root in roots:
        for below in (name, name.relative_to(root.name)) if name.is_relative_to(root.name) else (name,):
            path = Path(os.path.realpath(root / below))
            if path.is_relative_to(os.path.realpath(root)):
                yield path
