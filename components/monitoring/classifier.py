"""Whether a classifier can tell the clips of two periods apart by their embeddings: what no single number shows."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from components.monitoring.two_samples import Compared

Floats = npt.NDArray[np.float32]
SHUFFLES = 1999  # the smallest p is one in 2,000
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
    solved = np.linalg.solve(inputs.T @ inputs + RIDGE * len(inputs) * np.diag([0.0] + [1.0] * (inputs.shape[1] - 1)), inputs.T)
    own = np.einsum("ij,ji->i", inputs, solved)  # how much each clip sways its own fit
    weights = 1 / np.maximum(1 - own, 1e-6)
    true = np.repeat([0.0, 1.0], [len(reference), len(current)]).astype(np.float32)
    periods = np.concatenate([true[:, None], _shuffles(len(reference), len(current))], axis=1)
    gaps = _gaps(inputs, solved, weights, own, periods, len(current))
    p = (1 + int((gaps[1:] >= gaps[0] * (1 - 1e-6)).sum())) / len(gaps)
    fitted = (inputs @ (solved @ _balanced(true, len(current))) - own * _balanced(true, len(current))) * weights
    return Compared(p, _auc(fitted, true > 0.5))


def drawn(rows: Floats, rng: np.random.Generator) -> Floats:
    """At most `MOST_CLIPS` of them."""
    return rows if len(rows) <= MOST_CLIPS else rows[rng.choice(len(rows), MOST_CLIPS, replace=False)]


def _inputs(rows: Floats) -> Floats:
    """One, the numbers, and their squares, each of mean 0 and deviation 1."""
    scaled = _scaled(rows.astype(np.float64))
    return np.concatenate([np.ones((len(rows), 1)), scaled, _scaled(scaled**2)], axis=1).astype(np.float32)


def _scaled(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray((rows - rows.mean(axis=0)) / np.maximum(rows.std(axis=0), 1e-9))


@lru_cache(maxsize=4)
def _shuffles(before: int, many: int) -> Floats:
    """[clip, shuffle], 1 where a clip falls to the current period."""
    rng = np.random.default_rng(before * 1_000_003 + many)
    places = np.argsort(rng.random((SHUFFLES, before + many), dtype=np.float32), axis=1) >= before
    return np.ascontiguousarray(places.T, dtype=np.float32)


def _balanced(periods: Floats, many: int) -> Floats:
    """1 / clips for the current ones, -1 / clips for the others: a difference of means as a sum."""
    before = len(periods) - many
    return periods * np.float32(1 / many + 1 / before) - np.float32(1 / before)


def _gaps(inputs: Floats, solved: Floats, weights: Floats, own: Floats, periods: Floats, many: int) -> Floats:
    """By how much the clips of the current period are judged newer than the others, [shuffle], each by a classifier fitted without it."""
    sides = _balanced(periods, many)
    fitted = ((inputs * weights[:, None]).T @ sides) * (solved @ sides)
    itself = (weights * own) @ sides**2
    return np.asarray(fitted.sum(axis=0) - itself)


def _auc(values: Floats, positive: npt.NDArray[np.bool_]) -> float:
    ranks, many = rankdata(values), int(positive.sum())
    return float((ranks[positive].sum() - many * (many + 1) / 2) / (many * (len(values) - many)))
