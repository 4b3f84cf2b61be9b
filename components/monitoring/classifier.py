"""Whether a classifier can tell the clips of two periods apart by their embeddings: what no single number shows."""

from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from components.monitoring.two_samples import Compared

Floats = npt.NDArray[np.float32]
SHUFFLES = 1999  # the smallest p is one in 2,000
FIRST, PLENTY = 199, 20  # where so many of the first ones lie beyond, no more are wanted (Besag and Clifford, Biometrika 1991)
MOST_CLIPS = 2000  # of each period; from there on a classifier that finds nothing leaves nothing worth finding
RIDGE = 0.01  # of the number of clips


def tell_apart(reference: Floats, current: Floats, seed: int = 0) -> Compared:
    """A domain classifier (Lopez-Paz and Oquab, ICLR 2017) and what chance gives it: a permutation test.

    Ridge regression on the embedding and its squares, so that a change of mean or of spread shows. Each clip is judged by a classifier that
    was fitted without it, in closed form; so all shuffles of the periods cost three matrix products, and p is exact at any size.

    Args:
        reference, current: [clip, number], finite. Of more than 2,000 clips of one, 2,000 are drawn.
    Returns:
        The effect is the AUC: how often a clip of now looks newer than one of the reference; 0.5 is no difference.
    """
    rng = np.random.default_rng(seed)
    reference, current = (drawn(part, rng) for part in (reference, current))
    inputs = _inputs(np.concatenate([reference, current]))
    penalty = RIDGE * len(inputs) * np.diag([0.0] + [1.0] * (inputs.shape[1] - 1))
    solved = np.linalg.solve(inputs.T @ inputs + penalty, inputs.T).astype(np.float32)
    own = np.einsum("ij,ji->i", inputs, solved)  # how much each clip sways its own fit
    weights = 1 / np.maximum(1 - own, 1e-6)
    true = _sides(np.repeat([0.0, 1.0], [len(reference), len(current)])[:, None], len(reference), len(current))
    gap = _gaps(inputs, solved, weights * own, weights, true, len(reference), len(current))[0]
    shuffled, beyond, seen = _shuffled(len(reference), len(current)), 0, 0
    for part in (shuffled[:, :FIRST], shuffled[:, FIRST:]):
        gaps = _gaps(inputs, solved, weights * own, weights, part, len(reference), len(current))
        beyond, seen = beyond + int((gaps >= gap - 1e-6 * abs(gap)).sum()), seen + part.shape[1]
        if beyond >= PLENTY:
            break
    p = (1 + beyond) / (1 + seen)
    fitted = (inputs @ (solved @ true[:, 0]) - own * true[:, 0]) * weights
    return Compared(p, _auc(fitted, true[:, 0] > 0))


def drawn(rows: Floats, rng: np.random.Generator) -> Floats:
    """At most `MOST_CLIPS` of them."""
    return rows if len(rows) <= MOST_CLIPS else rows[rng.choice(len(rows), MOST_CLIPS, replace=False)]


def _inputs(rows: Floats) -> Floats:
    """One, the numbers, and their squares, each of mean 0 and deviation 1."""
    scaled = _scaled(rows.astype(np.float64))
    return np.concatenate([np.ones((len(rows), 1)), scaled, _scaled(scaled**2)], axis=1).astype(np.float32)


def _scaled(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9))


@lru_cache(maxsize=2)
def _shuffled(before: int, many: int) -> Floats:
    """`_sides` of clips that fall to a period by lot, [clip, shuffle]."""
    rng = np.random.default_rng(before * 1_000_003 + many)
    places = np.argsort(rng.random((SHUFFLES, before + many), dtype=np.float32), axis=1)
    return _sides((places >= before).T, before, many)


def _sides(current: npt.NDArray[Any], before: int, many: int) -> Floats:
    """1 / many for a clip of the current period, -1 / before for another: their sum over clips is a difference of means."""
    return np.where(current, np.float32(1 / many), np.float32(-1 / before))


def _gaps(inputs: Floats, solved: Floats, swayed: Floats, weights: Floats, sides: Floats, before: int, many: int) -> Floats:
    """By how much current clips are judged newer than the others, [shuffle], each by a classifier that was fitted without it.

    A clip's own side, which the fit must not know, counts with its square; that takes two values only, so it is a line in the side.
    """
    fitted = ((inputs * weights[:, None]).T @ sides) * (solved @ sides)
    slope = np.float32(1 / many - 1 / before)
    return np.asarray(fitted.sum(axis=0) - slope * (swayed @ sides) - swayed.sum() / np.float32(before * many))


def _auc(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    ranks, many = rankdata(values), int(positive.sum())
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * (len(values) - many)))
