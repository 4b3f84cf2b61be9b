"""From what a person chose to what the page draws, by the way that every route goes."""

import asyncio
import io
import re
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from bentos.answers import DIGITS, thresholds
from bentos.budget import Budget
from bentos.catalogue import Offer
from bentos.context import Context
from bentos.errors import Refused
from bentos.page.clips import Clips
from bentos.threads import in_thread
from bentos.work import Opener
from components.evaluation import decide
from components.tagger import ClipScores

PATIENCE = 0.9  # of the time limit
PEAKS = 900  # columns of the waveform's picture
NOTHING = "there is no clip yet: drop or record one, name a path, or choose an example"


@dataclass(frozen=True)
class Wish:
    """What a person asks: a model's key, and an upload (its token among the page's clips, its own name) or the path of a clip."""

    model: str
    upload: str = ""
    name: str = ""
    path: str = ""


@dataclass(frozen=True)
class Result:
    """What is drawn.

    Attributes:
        clip: the clip's name.
        peaks: [column], the waveform's highest amplitude in each, 0 to 1.
        sound: token of what the model heard.
    """

    clip: str
    offer: Offer
    scores: ClipScores
    duration_s: float
    peaks: npt.NDArray[np.float32] = field(repr=False)
    sound: str = ""

    @property
    def thresholds(self) -> npt.NDArray[np.float32]:
        return thresholds(self.offer)

    @property
    def names(self) -> list[str]:
        """Full names as people write them."""
        return [name.replace("_", " ") for name in self.offer.settings.label_set.full_names]

    @property
    def decisions(self) -> npt.NDArray[np.bool_]:
        return decide(self.scores.clip, self.thresholds, self.offer.settings.task)

    @property
    def window_decisions(self) -> npt.NDArray[np.bool_]:
        """[window, label]."""
        return decide(self.scores.windows, self.thresholds, self.offer.settings.task)

    @property
    def edges_s(self) -> list[tuple[float, float]]:
        """The time that each window stands for: up to the middle between its centre and its neighbours'."""
        centres = self.scores.starts_s + self.offer.settings.windows.length_s / 2
        between = (centres[1:] + centres[:-1]) / 2
        bounds = np.concatenate([[0.0], between, [self.duration_s]]).clip(0, self.duration_s)
        return list(zip(bounds[:-1].tolist(), bounds[1:].tolist(), strict=True))

    def document(self) -> dict[str, Any]:
        """What the download holds."""
        settings = self.offer.settings
        rows = zip(settings.label_set.codes, self.names, self.scores.clip, self.thresholds, self.decisions, strict=True)
        windows = {code: _plain(column) for code, column in zip(settings.label_set.codes, self.scores.windows.T, strict=True)}
        return {
            "clip": self.clip,
            "model": self.offer.key,
            "duration_s": round(self.duration_s, 3),
            "labels": [
                {"code": code, "name": name, "score": _number(score), "threshold": _number(threshold), "heard": bool(heard)}
                for code, name, score, threshold, heard in rows
            ],
            "windows": {"length_s": settings.windows.length_s, "starts_s": _plain(self.scores.starts_s), "scores": windows},
        }


async def hear(context: Context, clips: Clips, wish: Wish, caller: str) -> Result:
    """Score the clip, log it, and keep what the model heard, for people to listen to.

    Raises:
        TimbreError, Refused: with the sentence that the person reads.
        TimeoutError: shortly before the gate would give up.
    """
    async with asyncio.timeout(PATIENCE * context.config.time_limit_s):
        offer = await in_thread(context.catalogue.find, wish.model)
        budget = context.budget()
        name, opener, shown = await context.look(budget, _source, context, clips, wish, budget)
        async with context.record(offer, caller, shown).hear_one(opener, budget) as (clip, heard):
            sound = await in_thread(clips.keep_heard, clip, offer.settings.sample_rate)
            outline = await in_thread(peaks, clip.samples)
            return Result(name, offer, heard, len(clip.samples) / offer.settings.sample_rate, outline, sound)


def peaks(samples: npt.NDArray[np.int16], columns: int = PEAKS) -> npt.NDArray[np.float32]:
    """[column], at most `columns`: the highest amplitude in each, 1 being the clip's own peak."""
    starts = np.linspace(0, len(samples), min(columns, len(samples)), endpoint=False).astype(int)
    return (np.maximum.reduceat(np.abs(samples.astype(np.int32)), starts) / 32767).astype(np.float32)


def _source(context: Context, clips: Clips, wish: Wish, budget: Budget) -> tuple[str, Opener, list[str]]:
    """The clip's name, what opens it, and what the client named it by; none for an upload."""
    if path := wish.path.strip():
        files = context.sources.files(path, budget.check)
        if len(files) > 1:
            raise Refused(400, f"that is a folder of {len(files)} clips: name one of them")
        return PurePosixPath(files[0].shown).name, files[0].opened, [files[0].shown]
    if not wish.upload:
        raise Refused(400, NOTHING)
    place = clips.find(wish.upload)
    name = re.sub(r"[\x00-\x1f\x7f]", " ", PurePosixPath(wish.name).name)[:120] or "the clip"
    return name, lambda: closing(_Named(place, name)), []


class _Named(io.FileIO):
    """A file that errors call by the person's own name for it."""

    def __init__(self, place: Path, name: str) -> None:
        super().__init__(place)
        self.name = name


def _plain(values: npt.NDArray[Any]) -> list[float]:
    return [_number(value) for value in values]


def _number(value: float) -> float:
    return round(float(value), DIGITS)
