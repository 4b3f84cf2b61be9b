"""Opened taggers by digest within a memory bound, and the scores of clips in batches that many requests share."""

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from components.audio import Clip16
from components.errors import TimbreError
from components.tagger import ClipScores, Tagger

log = logging.getLogger("timbre.service")


class Item(NamedTuple):
    """A clip for a tagger: samples int16 [time] at the tagger's own rate, and the amplitude of one step."""

    digest: str
    samples: npt.NDArray[np.int16]
    scale: float


class Scored(NamedTuple):
    """Scores of windows [window, label], their starts [window] in seconds, of the clip [label]; or an error's sentence."""

    windows: npt.NDArray[np.float32]
    starts_s: npt.NDArray[np.float64]
    clip: npt.NDArray[np.float32]
    error: str = ""


NOTHING = Scored(np.zeros((0, 0), np.float32), np.zeros(0), np.zeros(0, np.float32))


class OpenTaggers:
    """The taggers that are open.

    Args:
        folder_of: where the tagger of a digest lies.
        device: cpu, cuda, cuda:1 or auto.
        most_bytes: of weight files that are kept open; the tagger in use stays whatever its size.
    """

    def __init__(self, folder_of: Callable[[str], Path], device: str, most_bytes: int) -> None:
        self._folder_of, self._device, self._most_bytes = folder_of, device, most_bytes
        self._open: OrderedDict[str, tuple[Tagger, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> Tagger:
        """The tagger, opened on first use after every byte of it was checked.

        Raises:
            TimbreError: if it is not there or damaged.
        """
        with self._lock:
            if digest in self._open:
                self._open.move_to_end(digest)
                return self._open[digest][0]
            folder = self._folder_of(digest)
            tagger = Tagger.open(folder, self._device, digest)
            self._open[digest] = tagger, sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            while len(self._open) > 1 and sum(size for _, size in self._open.values()) > self._most_bytes:
                closed, _ = self._open.popitem(last=False)
                log.info("tagger %s is closed: models_mib holds no more", closed[:8])
            return tagger


def score(taggers: OpenTaggers, items: Sequence[Item], batch_size: int) -> list[Scored]:
    """The scores of each item in order; clips of one tagger share its batches of windows."""
    found: list[Scored] = [NOTHING] * len(items)
    for digest in dict.fromkeys(item.digest for item in items):
        places = [place for place, item in enumerate(items) if item.digest == digest]
        for place, scored in zip(places, _score_one(taggers, digest, [items[place] for place in places], batch_size), strict=True):
            found[place] = scored
    return found


def _score_one(taggers: OpenTaggers, digest: str, items: Sequence[Item], batch_size: int) -> list[Scored]:
    try:
        tagger = taggers.get(digest)
        clips = tagger.score_clips((Clip16(item.samples, item.scale) for item in items), batch_size)
        return [Scored(one.windows, one.starts_s, one.clip) for one in clips]
    except TimbreError as error:
        return [NOTHING._replace(error=str(error))] * len(items)


def clip_scores(scored: Any) -> ClipScores:
    """As components know it."""
    return ClipScores(scored[0], scored[1], scored[2])
