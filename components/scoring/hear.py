"""Files on their way through the tagger: each is read once, for its BLAKE3, its facts and its scores."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.audio import Arrived, Clip16, Fetchers, Limits, Source, content_of, load_with_header
from components.audio.facts import facts_of
from components.cores import multiply_alone
from components.errors import AudioError, S3Error, TimbreError
from components.evaluation import decide
from components.registry.tables import now
from components.s3 import is_remote
from components.scoring.rows import File, Row
from components.tagger import ClipScores, Tagger

STOPS = ("credentials", "bucket", "region", "away", "full", "disk")  # kinds of S3Error that are no fault of one file
Known = Callable[[str], bool]


class _ScoredBeforeError(TimbreError):
    """Another file with the same content was scored; its scores are this one's."""


@dataclass
class _Note:
    """What is learnt of a file while it is read."""

    began: float
    content: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)


def nobody_knows(_content: str) -> bool:
    """No content was scored before."""
    return False


def hear(
    tagger: Tagger, files: Iterable[File], is_known: Known = nobody_knows, workers: int | None = None, batch_size: int = 32
) -> Iterator[Row]:
    """Each file's row, in order, while later ones are still being read.

    Args:
        is_known: whether a content was scored before; called from several threads.
        workers: threads that read; as many as fit by default.
    Raises:
        S3Error: if S3 gives nothing at all.
    """
    order = deque[File]()
    notes = dict[str, _Note]()
    arriving = dict[str, tuple[File, Arrived]]()
    fetchers = Fetchers()

    def paths() -> Iterator[str]:
        for file, arrived in fetchers.ahead(files, lambda file: file.path, lambda file: max(0, file.size)):
            order.append(file)
            arriving[file.path] = file, arrived
            yield file.path

    def read(source: Source, sample_rate: int, limits: Limits) -> Clip16:
        note = notes[str(source)] = _Note(time.monotonic())
        file, arrived = arriving.pop(str(source))
        with arrived() as close_by:
            clip, header = load_with_header(close_by, sample_rate, limits)  # first, as it refuses what would block
            content = content_of(close_by)
        if has_changed(file):
            raise AudioError("was changed while it was read: score it again")
        note.content = content
        if is_known(content):
            raise _ScoredBeforeError
        note.inputs = {"duration_s": header.duration_s, "sample_rate": header.sample_rate, "channels": header.channels}
        note.inputs |= vars(facts_of(clip, sample_rate))
        return clip

    try:
        with multiply_alone():
            for _, outcome in tagger.score_sources(paths(), read=read, workers=workers, batch_size=batch_size):
                file = order.popleft()
                yield _row(file, notes.pop(file.path), outcome, tagger)
    finally:
        fetchers.close()


def has_changed(file: File) -> bool:
    """Whether a file is no more what was listed."""
    if is_remote(file.path) or file.size < 0:
        return False
    try:
        found = Path(file.path).stat()
    except OSError:
        return True
    return (found.st_size, found.st_mtime_ns) != (file.size, file.modified_ns)


def _row(file: File, note: _Note, outcome: ClipScores | TimbreError, tagger: Tagger) -> Row:
    if isinstance(outcome, S3Error) and outcome.kind in STOPS:
        raise outcome
    said: dict[str, Any] = {"file": file, "at": now(), "latency_ms": 1000 * (time.monotonic() - note.began)}
    if isinstance(outcome, _ScoredBeforeError):
        return Row(**said, content=note.content)
    if not isinstance(outcome, ClipScores):
        return Row(**said, error=str(outcome).removeprefix(file.path).strip(" :").replace(file.path, "it") or type(outcome).__name__)
    return Row(
        **said,
        content=note.content,
        inputs=note.inputs,
        scores=outcome.clip,
        decisions=decide(outcome.clip, tagger.thresholds, tagger.task),
        embedding=outcome.embedding,
    )
