"""The bytes of clips that were scored, for people who review them: what was kept, or the file as the client named it. Knows no web.

A row of the log may be old and its file another one by now, so nothing is given whose BLAKE3 is not the row's.
"""

from collections.abc import Callable
from typing import BinaryIO

from bentos.source_errors import SourceError
from bentos.sources import Sources
from components.monitoring import kept_audio
from components.monitoring.clip_audio import first_with

TYPES = {"wav": "audio/wav", "flac": "audio/flac", "ogg": "audio/ogg", "mp3": "audio/mpeg", "aiff": "audio/aiff"}
UNKNOWN_TYPE = "application/octet-stream"
GONE = "the audio of this prediction is not where this service may read it any more: review another one"
AWAY = "the audio of this prediction cannot be read at the moment: try again later, or review another one"


def open_audio(content: str, source: str | None, audio_uri: str | None, sources: Sources, check: Callable[[], object] = int) -> BinaryIO:
    """A prediction's clip as it was sent, at its start; the caller closes it.

    Args:
        content: BLAKE3 that the bytes must have.
        sources: finds what a client named below the data roots; objects of S3 that a client named are not fetched again.
        check: called now and then; what it raises ends the work.
    Raises:
        SourceError: missing, or away where its place does not give it at the moment, with a sentence that tells no path.
    """
    openers: list[Callable[[], BinaryIO]] = []
    if audio_uri is not None:
        openers.append(lambda: kept_audio.fetch(audio_uri, sources.max_bytes))
    if source is not None and "://" not in source:
        openers.append(lambda: _named(source, sources))
    try:
        return first_with(content, openers, check)
    except FileNotFoundError:
        raise SourceError("missing", GONE) from None
    except OSError as error:
        raise SourceError("away", AWAY) from error


def is_there(content: str, source: str | None, audio_uri: str | None, sources: Sources, check: Callable[[], object] = int) -> bool:
    """Whether `open_audio` would find it; what is kept under its BLAKE3 is not read for that."""
    if audio_uri is not None and kept_audio.may_hold(audio_uri):
        return True
    try:
        open_audio(content, source, None, sources, check).close()
    except SourceError:
        return False
    return True


def _named(source: str, sources: Sources) -> BinaryIO:
    return sources.roots.open(sources.roots.find(source), source, sources.max_bytes)
