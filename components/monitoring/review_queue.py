"""Which clips a person should hear next: those that the model is least sure of, and every fourth one drawn by lot.

What a model is unsure of tells most where it is wrong, and nothing of how often. So one place in four of the queue goes to the next
content in the order of its lot (`reviews.lot`), whatever the model says of it: `performance` stands on these alone.
"""

from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.config import Task
from components.registry.reviews import Pool, lot

ONE_IN = 4  # is drawn
EDGE = 1e-6  # keeps the logits of 0 and 1 finite
Floats = npt.NDArray[np.float64]
Sieve = Callable[[Iterator[int]], Iterator[int]]


@dataclass(frozen=True)
class Candidate:
    """A clip to review.

    Attributes:
        row: in the pool.
        label: code of the label that the model is least sure of; none where a score is no number.
        distance: of its score from its threshold, in logits.
        sampled_p: the content's lot, where it was drawn; None where it was chosen by its distance.
    """

    row: int
    label: str | None
    distance: float | None
    sampled_p: float | None


def queue(
    pool: Pool,
    reviewed: AbstractSet[str],
    thresholds: Sequence[float],
    task: Task,
    limit: int,
    there: Sieve = iter,
    skipped: AbstractSet[str] = frozenset(),
) -> list[Candidate]:
    """The next clips to review, the most uncertain first, in turn over the labels; each content once.

    Labels that were reviewed less come first, so that it makes no difference whether clips are asked for one by one or together.

    Args:
        reviewed: contents that have a review.
        thresholds: [label].
        there: of rows in an order, those whose clips' bytes can be had; asked for no more of them than are chosen.
        skipped: contents that this person does not want now.
    """
    if not pool.ids:
        return []  # what never scored has no labels either
    distances = distances_of(pool.scores, thresholds, task)
    done = np.array([content in reviewed for content in pool.contents], bool)
    free = ~done & np.array([content not in skipped for content in pool.contents], bool)
    by_distance, by_lot = there(_by_distance(distances, done, free)), there(_by_lot(pool, free))
    taken: set[int] = set()

    def next_of(order: Iterator[int]) -> int | None:
        return next((row for row in order if row not in taken), None)

    found: list[Candidate] = []
    for place in range(limit):
        drawn = (len(reviewed) + place) % ONE_IN == ONE_IN - 1
        row = next_of(by_lot if drawn else by_distance)
        if row is None and not drawn:
            drawn, row = True, next_of(by_lot)  # what is left has scores that are no numbers
        if row is None:
            break
        taken.add(row)
        found.append(_candidate(pool, distances, row, drawn))
    return found


def distances_of(scores: npt.NDArray[np.float32], thresholds: Sequence[float], task: Task) -> Floats:
    """[row, label]: how far each decision is from being another one, in logits; NaN where a score is none.

    For `multiclass` a label's distance is that from the highest of the others, in logarithms.
    """
    clipped = np.clip(scores.astype(np.float64), EDGE, 1 - EDGE)
    if task == "multiclass" and scores.shape[1] > 1:
        logs, best = np.log(clipped), np.empty_like(clipped)
        for place in range(scores.shape[1]):
            best[:, place] = np.delete(logs, place, axis=1).max(axis=1)
        return np.asarray(np.abs(logs - best))
    edges = np.clip(np.asarray(thresholds, np.float64), EDGE, 1 - EDGE)
    return np.asarray(np.abs(_logit(clipped) - _logit(edges)))


def _logit(shares: Floats) -> Floats:
    return np.asarray(np.log(shares) - np.log1p(-shares))


def _by_distance(distances: Floats, done: npt.NDArray[np.bool_], free: npt.NDArray[np.bool_]) -> Iterator[int]:
    """Rows in turn over the labels that they are nearest to; in each turn the nearest first."""
    usable = np.isfinite(distances).all(axis=1) & (distances.shape[1] > 0)
    if not usable.any():
        return
    label = np.where(usable, np.nan_to_num(distances, nan=np.inf).argmin(axis=1), -1)
    nearest = np.where(usable, np.nan_to_num(distances, nan=np.inf).min(axis=1), np.inf)
    turn = np.zeros(len(distances))
    for place in range(distances.shape[1]):
        rows = np.flatnonzero((label == place) & free)
        turn[rows[np.argsort(nearest[rows], kind="stable")]] = np.arange(len(rows)) + ((label == place) & done).sum()
    order = np.lexsort((nearest, turn))
    yield from map(int, order[(usable & free)[order]])


def _by_lot(pool: Pool, free: npt.NDArray[np.bool_]) -> Iterator[int]:
    yield from sorted(map(int, np.flatnonzero(free)), key=pool.contents.__getitem__)


def _candidate(pool: Pool, distances: Floats, row: int, drawn: bool) -> Candidate:
    sampled_p = lot(pool.contents[row]) if drawn else None
    if not np.isfinite(distances[row]).all() or not pool.labels:
        return Candidate(row, None, None, sampled_p)
    place = int(distances[row].argmin())
    return Candidate(row, pool.labels[place], float(distances[row, place]), sampled_p)
