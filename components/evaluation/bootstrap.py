"""Bootstrap over groups: whole songs are drawn with replacement, since clips of one song are not independent."""

import numpy as np
import numpy.typing as npt

from components.evaluation.arrays import Bools, Floats, Ints, group_places, scored
from components.evaluation.rates import count, ratio


def draw_weights(groups: Ints, rounds: int, rng: np.random.Generator) -> Floats:
    """How often each clip is drawn in each round, [round, clip]; `groups` numbers each clip's group from 0."""
    number = int(groups.max(initial=-1)) + 1
    if number == 0:
        return np.zeros((rounds, 0))
    draws = rng.multinomial(number, np.full(number, 1 / number), size=rounds)
    return draws.astype(np.float64)[:, groups]


def interval(rounds: Floats, confidence: float) -> tuple[Floats, Floats]:
    """The percentile interval along the first axis; rounds in which a number is undefined (NaN) are left out.

    Args:
        rounds: [round, ...].
        confidence: 0 to 1; 0.95 gives the 2.5 and 97.5 percentiles.
    """
    ordered = np.sort(rounds, axis=0)
    defined = np.isfinite(ordered).sum(axis=0)
    return _percentile(ordered, defined, (1 - confidence) / 2), _percentile(ordered, defined, (1 + confidence) / 2)


def _percentile(ordered: Floats, defined: Ints, share: float) -> Floats:
    """Linear between neighbours, as numpy's; NaN where nothing is defined."""
    place = np.maximum(defined - 1, 0) * share
    below = np.floor(place).astype(np.int64)
    above = np.minimum(below + 1, np.maximum(defined - 1, 0))
    low = np.take_along_axis(ordered, below[None], axis=0)[0]
    high = np.take_along_axis(ordered, above[None], axis=0)[0]
    return np.where(defined > 0, low + (high - low) * (place - below), np.nan)


def macro(per_label: Floats, support: Floats, known: Floats) -> Floats:
    """Mean over labels, [round], of a number that is NaN without positives.

    A label of which nothing is known is left out. One that is known but has no positives in the whole set counts 0, as
    `zero_division=0` in scikit-learn; one whose positives a round happens not to draw is left out of that round.

    Args:
        per_label: [round, label].
        support: [label], positives in the whole set.
        known: [label], known targets in the whole set.
    """
    filled = np.where(support > 0, per_label, 0.0)
    counted = np.isfinite(filled) & (known > 0)
    return ratio(np.where(counted, filled, 0.0).sum(axis=1), counted.sum(axis=1))


def paired_difference(
    a_pred: npt.ArrayLike,
    b_pred: npt.ArrayLike,
    targets: npt.ArrayLike,
    mask: npt.ArrayLike | None,
    groups: npt.ArrayLike | None,
    confidence: float,
    rounds: int = 1000,
    seed: int = 0,
) -> tuple[float, float, float]:
    """Macro F1 of `a` minus macro F1 of `b` on the same clips, with its bootstrap interval.

    Each round draws the same groups for both. With one group there is nothing to draw from: the interval is then -1 to 1.

    Args:
        a_pred, b_pred: decisions [clip, label], 0 or 1.
        targets: [clip, label], 0 or 1.
        mask: [clip, label], true where known.
        groups: [clip]; each clip by itself without it.
        confidence: 0 to 1.
    Returns:
        difference, low, high.
    Raises:
        ValueError: if the shapes differ.
    """
    a, b = scored(a_pred, targets, mask), scored(b_pred, targets, mask)
    places = group_places(groups, len(a.scores))
    support, known = a.targets.sum(axis=0), a.mask.sum(axis=0)

    def difference(drawn: Floats) -> Floats:
        first, second = (macro(count(side, decisions(side.scores), drawn).f1, support, known) for side in (a, b))
        return np.asarray(first - second)

    point = float(difference(np.ones((1, len(places))))[0])
    if places.max(initial=0) == 0:
        return point, -1.0, 1.0
    low, high = interval(difference(draw_weights(places, rounds, np.random.default_rng(seed))), confidence)
    return point, float(low), float(high)


def decisions(predicted: Floats) -> Bools:
    """0 and 1 as booleans."""
    return np.asarray(predicted > 0.5)
