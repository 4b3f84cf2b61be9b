"""How a clip's scores become what a client reads."""

from typing import Any

import numpy as np
import numpy.typing as npt

from bentos.catalogue import Offer
from bentos.work import Heard
from components.evaluation import decide
from components.tagger import ClipScores

DIGITS = 7  # what float32 holds


def answer_of(offer: Offer, heard: Heard, scores: bool) -> dict[str, Any]:
    """Label code -> 0 or 1, or its probability where `scores` asks; `{"error": sentence}` for a file that failed."""
    if not isinstance(heard, ClipScores):
        return {"error": str(heard)}
    settings = offer.settings
    if scores:
        return {code: round(float(score), DIGITS) for code, score in zip(settings.label_set.codes, heard.clip, strict=True)}
    return dict(zip(settings.label_set.codes, map(int, decide(heard.clip, thresholds(offer), settings.task)), strict=True))


def thresholds(offer: Offer) -> npt.NDArray[np.float32]:
    """[label]: what a score must reach."""
    return np.array(offer.settings.thresholds, np.float32)
