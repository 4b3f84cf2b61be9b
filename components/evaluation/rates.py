"""Metrics of decisions and of rankings, for many weightings of the same clips at once.

Each function takes `weights` [round, clip]: a row of ones gives the plain metric, a row of draws with replacement one round of a
bootstrap, so a number and its interval come from the same lines. What is undefined (a label without positives) is NaN here.
"""

from dataclasses import dataclass

import numpy as np

from components.evaluation.arrays import Bools, Floats, Ints, Scored

CALIBRATION_BINS = 10


@dataclass(frozen=True)
class Counts:
    """Weighted numbers of known targets and decisions, each [round, label]."""

    hits: Floats  # true and predicted
    positives: Floats  # true
    predicted: Floats
    known: Floats

    def summed(self) -> "Counts":
        """All labels as one, [round, 1]."""
        return Counts(*(part.sum(axis=1, keepdims=True) for part in (self.hits, self.positives, self.predicted, self.known)))

    @property
    def precision(self) -> Floats:
        """0 where nothing was predicted, NaN without positives."""
        return np.where(self.positives > 0, ratio(self.hits, self.predicted, 0.0), np.nan)

    @property
    def recall(self) -> Floats:
        return ratio(self.hits, self.positives)

    @property
    def f1(self) -> Floats:
        return np.where(self.positives > 0, ratio(2 * self.hits, self.positives + self.predicted), np.nan)

    @property
    def accuracy(self) -> Floats:
        return ratio(self.known - self.positives - self.predicted + 2 * self.hits, self.known)


def count(known: Scored, decisions: Bools, weights: Floats) -> Counts:
    """Count what is known; `decisions` is [clip, label]."""
    predicted = decisions & known.mask
    return Counts(*(weights @ part.astype(np.float64) for part in (predicted & known.targets, known.targets, predicted, known.mask)))


def ratio(part: Floats, whole: Floats, empty: float = np.nan) -> Floats:
    """part / whole, or `empty` where the whole is 0."""
    return np.where(whole > 0, part / np.where(whole > 0, whole, 1), empty)


def top_1(known: Scored, decisions: Bools, weights: Floats) -> Floats:
    """The share of clips whose one label was found, [round], of those whose label is known; `decisions` is [clip, label]."""
    labelled = known.targets.any(axis=1).astype(np.float64)
    found = (decisions & known.targets).any(axis=1).astype(np.float64)
    return ratio(weights @ found, weights @ labelled)


def rankings(known: Scored, weights: Floats) -> tuple[Floats, Floats]:
    """Average precision and area under the ROC curve, each [round, label].

    Clips with equal scores enter together, as in scikit-learn.
    """
    rounds, labels = len(weights), known.scores.shape[1]
    precision, area = np.full((rounds, labels), np.nan), np.full((rounds, labels), np.nan)
    for place in range(labels):
        rows = np.flatnonzero(known.mask[:, place])
        if not known.targets[rows, place].any():
            continue
        rows = rows[np.argsort(-known.scores[rows, place], kind="stable")]
        last = np.flatnonzero(np.append(np.diff(known.scores[rows, place]) != 0, True))
        weight = weights[:, rows]
        found = np.cumsum(weight * known.targets[rows, place], axis=1)[:, last]
        listed = np.cumsum(weight, axis=1)[:, last]
        positives, negatives = found[:, -1], listed[:, -1] - found[:, -1]
        gained = np.diff(found, axis=1, prepend=0)
        precision[:, place] = ratio((gained * ratio(found, listed, 0.0)).sum(axis=1), positives)
        false_alarms = np.diff(listed - found, axis=1, prepend=0)
        below = positives[:, None] - found
        area[:, place] = 1 - ratio((false_alarms * (below + gained / 2)).sum(axis=1), positives * negatives)
    return precision, area


def label_ranking(known: Scored, weights: Floats) -> tuple[Floats, Floats]:
    """Label ranking average precision over clips, [round], and over the clips that have each label, [round, label].

    For a true label of a clip: the share of true labels among those scored at least as high. As in scikit-learn, a clip without
    true labels counts 1; a clip of which nothing is known is left out.
    """
    shares = np.zeros(known.scores.shape)
    for place in range(known.scores.shape[1]):
        above = (known.scores >= known.scores[:, [place]]) & known.mask
        shares[:, place] = ratio((above & known.targets).sum(axis=1), above.sum(axis=1), 0.0)
    shares *= known.targets
    true = known.targets.sum(axis=1)
    clip = ratio(shares.sum(axis=1), true, 1.0)
    seen = known.mask.any(axis=1).astype(np.float64)
    return ratio(weights @ (clip * seen), weights @ seen), ratio(weights @ shares, weights @ known.targets.astype(np.float64))


def calibration_errors(known: Scored, weights: Floats) -> tuple[Floats, Floats]:
    """Expected calibration error in ten equal bins of the score: of all scores together, [round], and of each label, [round, label]."""
    pooled = np.zeros(len(weights))
    each = np.zeros((len(weights), known.scores.shape[1]))
    bins = calibration_bins(known.scores)
    for number in range(CALIBRATION_BINS):
        excess = weights @ np.where((bins == number) & known.mask, known.scores - known.targets, 0.0)
        pooled += np.abs(excess.sum(axis=1))
        each += np.abs(excess)
    counted = weights @ known.mask.astype(np.float64)
    return ratio(pooled, counted.sum(axis=1)), ratio(each, counted)


def calibration_bins(scores: Floats) -> Ints:
    """The number of the bin, 0 to 9, that each score falls in."""
    return np.minimum(scores * CALIBRATION_BINS, CALIBRATION_BINS - 1).astype(np.int64)
