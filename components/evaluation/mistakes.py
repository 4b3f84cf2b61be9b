"""Which mistakes go together, and which clips went wrong the most."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.evaluation.arrays import Floats, Ints
from components.evaluation.predictions import Predicted


@dataclass(frozen=True)
class CoOccurrence:
    """How misses and false alarms share clips.

    A clip counts in every pair of a missed and a falsely reported label, so a row may sum to more than the label's misses.
    """

    pairs: Ints  # [missed label, falsely reported label] clips with both
    missed_alone: Ints  # [label] clips where it was missed and nothing was falsely reported
    reported_alone: Ints  # [label] clips where it was falsely reported and nothing was missed
    hits: Ints  # [label]
    misses: Ints  # [label]
    false_alarms: Ints  # [label]
    right_rejections: Ints  # [label] known to be absent and not reported

    def of(self, labels: list[int]) -> "CoOccurrence":
        """Some labels; what the others did stays in `missed_alone` and `reported_alone`."""
        vectors = (self.missed_alone, self.reported_alone, self.hits, self.misses, self.false_alarms, self.right_rejections)
        return CoOccurrence(self.pairs[np.ix_(labels, labels)], *(vector[labels] for vector in vectors))


def co_occurrence(predicted: Predicted) -> CoOccurrence:
    """Count over all clips; unknown targets count nowhere."""
    missed, reported = predicted.misses.astype(np.int64), predicted.false_alarms.astype(np.int64)
    return CoOccurrence(
        missed.T @ reported,
        missed[~predicted.false_alarms.any(axis=1)].sum(axis=0),
        reported[~predicted.misses.any(axis=1)].sum(axis=0),
        (predicted.targets & predicted.decisions).sum(axis=0),
        missed.sum(axis=0),
        reported.sum(axis=0),
        (predicted.mask & ~predicted.targets & ~predicted.decisions).sum(axis=0),
    )


def wrongness(predicted: Predicted, thresholds: npt.ArrayLike) -> Floats:
    """How far each decision is on the wrong side of its threshold, [clip, label]: 0 for a right one, 1 for a certain and wrong one."""
    threshold = np.asarray(thresholds, np.float64)
    short = (threshold - predicted.scores) / np.maximum(threshold, 1e-9)
    over = (predicted.scores - threshold) / np.maximum(1 - threshold, 1e-9)
    wrong: Floats = np.where(predicted.misses, short, 0.0) + np.where(predicted.false_alarms, over, 0.0)
    return np.clip(wrong, 0, 1)


def worst_places(predicted: Predicted, thresholds: npt.ArrayLike, most: int) -> list[int]:
    """Rows of the clips with the most wrongness in all, the worst first; a second clip of a group only where groups run out."""
    total = wrongness(predicted, thresholds).sum(axis=1)
    ranked = [int(place) for place in np.argsort(-total, kind="stable") if total[place] > 0]
    seen: set[str] = set()
    first, later = list[int](), list[int]()
    for place in ranked:
        group = str(predicted.groups[place])
        (later if group in seen else first).append(place)
        seen.add(group)
    return [*first, *later][:most]
