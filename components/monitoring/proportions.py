"""Shares and how far chance could have moved them, also where clips count unequally."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Share:
    """A share and its interval; where nothing is known, None and 0 to 1."""

    value: float | None
    low: float
    high: float


UNKNOWN = Share(None, 0.0, 1.0)


def exact(hits: float, trials: float, confidence: float = CONFIDENCE) -> tuple[float, float]:
    """The interval of a binomial share (Clopper and Pearson 1934); neither number need be whole."""
    if trials <= 0:
        return 0.0, 1.0
    hits, rest = min(max(hits, 0.0), trials), (1 - confidence) / 2
    low = float(betaincinv(hits, trials - hits + 1, rest)) if hits > 0 else 0.0
    high = float(betaincinv(hits + 1, trials - hits, 1 - rest)) if hits < trials else 1.0
    return low, high


def share_of(part: Bools, whole: Bools, weights: Floats, confidence: float = CONFIDENCE) -> Share:
    """The weighted share of what is in `whole` that is in `part`.

    The estimate is Hájek's: weighted sums above and below. The interval is that of Clopper and Pearson with as many trials as the
    weighted clips are worth (Korn and Graubard 1998, Survey Methodology 24): the least of their number, Kish's (sum of weights)^2 / sum
    of squared weights, and what the linearised variance of the estimate comes to.

    Args:
        part, whole, weights: [clip].
    """
    weight = np.where(whole, weights, 0.0)
    total = weight.sum()
    if total <= 0:
        return UNKNOWN
    value = min(1.0, float(weight[part & whole].sum() / total))
    trials = float(total**2 / (weight**2).sum())
    variance = float((weight**2 * ((part & whole) - value) ** 2).sum() / total**2)
    if 0 < value < 1 and variance > 0:
        trials = min(trials, value * (1 - value) / variance)
    return Share(value, *exact(value * trials, trials, confidence))
