"""What becomes of a clip beside its answer: a row in the prediction log, made of what was learnt of it on its way."""

import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterable, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from bentos import metrics
from bentos.answers import thresholds
from bentos.budget import Budget
from bentos.catalogue import Offer
from bentos.config import ServiceConfig
from bentos.gate import request_id
from bentos.source_errors import SourceError
from bentos.work import Heard, Opener, Reader, Work, plainly
from components.audio import Clip16, Limits, Source, content_of, load_with_header
from components.audio.facts import facts_of
from components.errors import AudioError
from components.evaluation import decide
from components.monitoring.kept_audio import KeptAudio, place_of
from components.monitoring.log import PredictionLog
from components.registry.database import Database
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.tables import now
from components.tagger import ClipScores


class Logged(NamedTuple):
    """What was heard of a clip, and the id of its row; None where there is none."""

    heard: Heard
    prediction_id: str | None


@dataclass
class _Note:
    """What is learnt of a source while it is read."""

    began: float
    known: dict[str, Any]


class Recorder:
    """The prediction log of one process; without one, clips are scored and nothing else.

    Args:
        log: takes the rows.
        audio: keeps the clips' bytes.
    """

    def __init__(self, log: PredictionLog | None = None, audio: KeptAudio | None = None) -> None:
        self.log, self.audio = log, audio

    @classmethod
    def build(cls, config: ServiceConfig, database: Database) -> "Recorder":
        if not config.prediction_log:
            return cls()
        place = place_of(config.log_audio)
        audio = None if place is None else KeptAudio(place, _count_audio, config.max_body_bytes)
        return cls(PredictionLog(Predictions(database).add, _count_rows), audio)

    def close(self) -> None:
        """Write what waits, within some seconds."""
        if self.audio is not None:
            self.audio.close()
        if self.log is not None:
            self.log.close()


class Record:
    """One request's part of the log.

    Args:
        offer: the model that it asks.
        caller: who asks.
        sources: what the client named, in order; empty for uploads.
    """

    def __init__(self, recorder: Recorder, work: Work, offer: Offer, caller: str, sources: Sequence[str] = ()) -> None:
        self._recorder, self._work, self.offer, self._caller, self._sources = recorder, work, offer, caller, sources
        self._thresholds = thresholds(offer)
        self._notes: dict[int, _Note] = {}

    async def hear(self, openers: AsyncIterable[Opener], budget: Budget) -> AsyncGenerator[Logged]:
        """Each clip's scores or error, in order, as `Work.hear` gives them; each is logged when it comes."""
        async with aclosing(self._work.hear(self.offer, openers, budget, self._reader)) as clips:
            place = 0
            async for heard in clips:
                yield Logged(heard, self._log(place, heard))
                place += 1

    @asynccontextmanager
    async def hear_one(self, opener: Opener, budget: Budget) -> AsyncGenerator[tuple[Clip16, ClipScores]]:
        """One clip as `Work.hear_one` gives it; logged also where it fails."""
        async with AsyncExitStack() as stack:
            try:
                clip, heard = await stack.enter_async_context(self._work.hear_one(self.offer, opener, budget, self._reader(0)))
            except (AudioError, SourceError) as error:
                self._log(0, error)
                raise
            self._log(0, heard)
            yield clip, heard

    def _reader(self, place: int) -> Reader:
        if self._recorder.log is None:
            return plainly(place)
        note = self._notes[place] = _Note(time.monotonic(), {})

        def read(source: Source, sample_rate: int, limits: Limits) -> Clip16:
            note.known["content"] = content_of(source)
            clip, header = load_with_header(source, sample_rate, limits)
            note.known.update(duration_s=header.duration_s, sample_rate=header.sample_rate, channels=header.channels)
            note.known.update(vars(facts_of(clip, sample_rate)))
            if self._recorder.audio is not None:
                note.known["audio_uri"] = self._recorder.audio.take(note.known["content"], source)
            return clip

        return read

    def _log(self, place: int, heard: Heard) -> str | None:
        """Send the row on its way; its id, or None where it is dropped."""
        if self._recorder.log is None:
            return None
        note = self._notes.pop(place)
        if isinstance(heard, ClipScores):
            told: dict[str, Any] = {
                "scores": heard.clip,
                "decisions": decide(heard.clip, self._thresholds, self.offer.settings.task),
                "embedding": getattr(heard, "embedding", None),
            }
        else:
            told = {"error": str(heard)}
        row = Prediction(
            id=str(uuid.uuid4()),
            at=now(),
            model=self.offer.digest,
            model_key=self.offer.key,
            labels=self.offer.settings.label_set.codes,
            request_id=request_id.get(),
            caller=self._caller,
            latency_ms=1000 * (time.monotonic() - note.began),
            source=self._sources[place] if self._sources else None,
            **note.known,
            **told,
        )
        taken = self._recorder.log.add(row)
        metrics.LOG_WAITING.set(self._recorder.log.waiting)
        return row.id if taken else None


def _count_rows(outcome: str, rows: int, waiting: int) -> None:
    metrics.LOG_ROWS.labels(outcome).inc(rows)
    metrics.LOG_WAITING.set(waiting)


def _count_audio(outcome: str, clips: int) -> None:
    metrics.LOG_AUDIO.labels(outcome).inc(clips)
