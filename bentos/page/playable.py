"""Finds a clip of the review queue that can be played now: what S3 or a disk does not give at the moment is passed over, for a while."""

import logging
import time
from collections import defaultdict
from collections.abc import Callable

from bentos.context import Context
from bentos.listening import open_audio
from bentos.page.clips import Clips
from bentos.source_errors import SourceError
from components.audio import load
from components.errors import AudioError
from components.registry.prediction import Prediction

log = logging.getLogger("timbre.service")
PATIENCE = 0.5  # of the time limit, in which a look at another clip may begin
MOST_LOST_S = 5.0  # waited for clips that a place did not give, before it is asked for no others: S3 that is away takes seconds for each


class Playable:
    """One look for a clip.

    Args:
        rate: at which people hear it.
        check: called now and then; what it raises ends the work.
    Attributes:
        sound: token of the clip that was found, as `Clips` has it.
        away: clips that were passed over as their places do not give them at the moment.
        late: whether there was no time to look at all clips.
    """

    def __init__(self, context: Context, clips: Clips, rate: int, check: Callable[[], object]) -> None:
        self._context, self._clips, self._rate, self._check = context, clips, rate, check
        self._last = time.monotonic() + PATIENCE * context.config.time_limit_s
        self._lost_s = defaultdict[str, float](float)  # by place
        self.sound, self.away, self.late = "", 0, False

    def is_there(self, about: Prediction) -> bool:
        """Whether a clip can be played; then its sound is kept."""
        if self._lost_s[_place(about)] > MOST_LOST_S:
            self.away += 1
            return False
        self.late = self.late or time.monotonic() > self._last
        return not self.late and self._play(about)

    def _play(self, about: Prediction) -> bool:
        sources, limits, began = self._context.sources, self._context.config.limits, time.monotonic()
        try:
            with open_audio(about.content or "", about.source, about.audio_uri, sources, self._check) as file:
                self.sound = self._clips.keep_heard(load(file, self._rate, limits), self._rate)
        except SourceError as error:
            if error.kind == "away":
                log.log(logging.DEBUG if self.away else logging.WARNING, "%s: %s", error, error.__cause__)
                self._lost_s[_place(about)] += time.monotonic() - began
                self.away += 1
            return False
        except AudioError:  # it was cut off since it was scored
            return False
        return True


def _place(about: Prediction) -> str:
    """The bucket, or the first folders."""
    return "/".join((about.audio_uri or "").split("/")[:3])
