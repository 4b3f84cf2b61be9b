"""The numbers of a tagger on a set of clips: overall, per label, and how far each could be off."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.evaluation.arrays import Bools, Floats, Ints, Scored, group_places, scored
from components.evaluation.bootstrap import draw_weights, interval, macro
from components.evaluation.rates import calibration_errors, count, label_ranking, rankings
from components.labels import LabelSet

OVERALL = (
    "accuracy", "hamming_distance", "f1", "precision", "recall",
    "micro_f1", "micro_precision", "micro_recall", "mAP", "LRAP", "roc_auc", "calibration_error",
)  # fmt: skip
PER_LABEL = ("f1", "precision", "recall", "accuracy", "hamming_distance", "average_precision", "LRAP", "roc_auc", "calibration_error")
BLOCK = 2**22  # elements of one [round, clip] block of draws

Numbers = dict[str, Floats]


@dataclass(frozen=True)
class Metrics:
    """What `measure` found.

    `values` has the overall metrics and, for each label, `instruments/<full name>_<metric>` and `..._support`; a number that is
    undefined, as the ROC AUC of a label without positives, is NaN. `intervals` has the bootstrap interval of each, by the same name.
    `per_label` has a row a label: label, full_name, family, known, support, predicted, threshold, the metrics, f1_low and f1_high.
    """

    values: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    per_label: pd.DataFrame
    clips: int
    groups: int
    confidence: float
    bootstrap_rounds: int

    def flat(self) -> dict[str, float]:
        """The values that are defined, rounded to 6 digits so that reruns agree."""
        return {name: round(value, 6) for name, value in self.values.items() if math.isfinite(value)}


def measure(
    scores: npt.ArrayLike,
    targets: npt.ArrayLike,
    mask: npt.ArrayLike | None,
    thresholds: npt.ArrayLike,
    label_set: LabelSet,
    groups: npt.ArrayLike | None = None,
    bootstrap_rounds: int = 0,
    confidence: float = 0.95,
    seed: int = 0,
) -> Metrics:
    """Measure scores against targets over the whole set; unknown targets count nowhere.

    f1, precision and recall are means over labels. A label that is known but has no positives counts 0 in them, as in
    scikit-learn with zero_division=0; a label of which nothing is known counts nowhere. mAP and ROC AUC are means over the labels for
    which they are defined. Accuracy is the mean over labels of the share of right decisions. The calibration error is that of all
    scores together. A label's LRAP is the mean over the clips that have it.

    Args:
        scores: [clip, label], 0 to 1.
        targets: [clip, label], 0 or 1.
        mask: [clip, label], true where the target is known; None: all are.
        thresholds: [label] or one number; a score that reaches it is a decision for the label.
        groups: [clip]; clips of one group are drawn together. None: each clip by itself.
        bootstrap_rounds: 0 for no intervals. With fewer than two groups there are none either.
        confidence: of the intervals.
    Raises:
        ValueError: if the shapes differ or a score is not a probability.
    """
    known = scored(scores, targets, mask)
    if known.scores.shape[1] != len(label_set):
        raise ValueError(f"expected a column for each of the {len(label_set)} labels of {label_set.name}, got {known.scores.shape[1]}")
    decisions = decide(scores, thresholds)
    places = group_places(groups, len(known.scores))
    number = len(np.unique(places))
    point = _rounds(known, decisions, np.ones((1, len(places))), label_set)
    rounds = bootstrap_rounds if number > 1 else 0
    intervals = _intervals(known, decisions, places, label_set, rounds, confidence, seed) if rounds else {}
    values = {name: float(value[0]) for name, value in point.items()}
    return Metrics(
        values, intervals, _per_label(known, decisions, thresholds, values, intervals, label_set), len(places), number, confidence, rounds
    )


def decide(scores: npt.ArrayLike, thresholds: npt.ArrayLike) -> Bools:
    """[clip, label], true where the score reaches the threshold; compared as float32, the precision of both."""
    return np.asarray(np.asarray(scores, np.float32) >= np.asarray(thresholds, np.float32))


def label_key(full_name: str, metric: str) -> str:
    """`instruments/cello_f1`."""
    return f"instruments/{full_name}_{metric}"


def _rounds(known: Scored, decisions: Bools, weights: Floats, label_set: LabelSet) -> Numbers:
    """Every metric by name, [round]."""
    support, seen = known.targets.sum(axis=0), known.mask.sum(axis=0)
    counts = count(known, decisions, weights)
    micro = counts.summed()
    average_precision, area = rankings(known, weights)
    clip_ranking, label_shares = label_ranking(known, weights)
    pooled_error, label_errors = calibration_errors(known, weights)
    accuracy = mean_defined(counts.accuracy)
    numbers: Numbers = {
        "accuracy": accuracy,
        "hamming_distance": 1 - accuracy,
        "f1": macro(counts.f1, support, seen),
        "precision": macro(counts.precision, support, seen),
        "recall": macro(counts.recall, support, seen),
        "micro_f1": zeroed(micro.f1)[:, 0],
        "micro_precision": zeroed(micro.precision)[:, 0],
        "micro_recall": zeroed(micro.recall)[:, 0],
        "mAP": mean_defined(average_precision),
        "LRAP": clip_ranking,
        "roc_auc": mean_defined(area),
        "calibration_error": pooled_error,
    }
    each = {
        "f1": np.where(support > 0, counts.f1, 0.0),
        "precision": np.where(support > 0, counts.precision, 0.0),
        "recall": np.where(support > 0, counts.recall, 0.0),
        "accuracy": counts.accuracy,
        "hamming_distance": 1 - counts.accuracy,
        "average_precision": average_precision,
        "LRAP": label_shares,
        "roc_auc": area,
        "calibration_error": label_errors,
    }
    for place, name in enumerate(label_set.full_names):
        numbers |= {label_key(name, metric): column[:, place] for metric, column in each.items()}
        numbers[label_key(name, "support")] = np.full(len(weights), float(support[place]))
    return numbers


def _intervals(
    known: Scored, decisions: Bools, places: Ints, label_set: LabelSet, rounds: int, confidence: float, seed: int
) -> dict[str, tuple[float, float]]:
    rng = np.random.default_rng(seed)
    at_once = max(1, BLOCK // max(1, len(places)))
    sizes = [min(at_once, rounds - start) for start in range(0, rounds, at_once)]
    blocks = [_rounds(known, decisions, draw_weights(places, size, rng), label_set) for size in sizes]
    names = [name for name in blocks[0] if not name.endswith("_support")]
    low, high = interval(np.stack([np.concatenate([block[name] for block in blocks]) for name in names], axis=1), confidence)
    return {name: (float(low[place]), float(high[place])) for place, name in enumerate(names)}


def _per_label(
    known: Scored,
    decisions: Bools,
    thresholds: npt.ArrayLike,
    values: dict[str, float],
    intervals: dict[str, tuple[float, float]],
    label_set: LabelSet,
) -> pd.DataFrame:
    table = pd.DataFrame([vars(label) for label in label_set.labels]).rename(columns={"code": "label"})
    table["known"] = known.mask.sum(axis=0)
    table["support"] = known.targets.sum(axis=0)
    table["predicted"] = (decisions & known.mask).sum(axis=0)
    table["threshold"] = np.broadcast_to(np.asarray(thresholds, np.float32), len(label_set))
    for metric in PER_LABEL:
        table[metric] = [values[label_key(name, metric)] for name in label_set.full_names]
    bounds = [intervals.get(label_key(name, "f1"), (math.nan, math.nan)) for name in label_set.full_names]
    table["f1_low"], table["f1_high"] = [low for low, _ in bounds], [high for _, high in bounds]
    return table


def mean_defined(numbers: Floats) -> Floats:
    """Mean along the last axis of what is not NaN; NaN where nothing is."""
    defined = np.isfinite(numbers)
    total = np.where(defined, numbers, 0.0).sum(axis=-1)
    return np.where(defined.any(axis=-1), total / np.maximum(defined.sum(axis=-1), 1), np.nan)


def zeroed(numbers: Floats) -> Floats:
    """0 for NaN."""
    return np.where(np.isfinite(numbers), numbers, 0.0)


def every_metric(known: Scored, decisions: Bools, weights: Floats, label_set: LabelSet) -> Numbers:
    """Every metric by name, [round]; `weights` [round, clip] says how often each clip counts. What is undefined is NaN."""
    return _rounds(known, decisions, weights, label_set)


def draws(places: Ints, rounds: int, seed: int) -> Iterator[Floats]:
    """The rounds of a bootstrap over groups as blocks of weights [round, clip], few enough at once to bound the memory."""
    rng = np.random.default_rng(seed)
    at_once = max(1, BLOCK // max(1, len(places)))
    for start in range(0, rounds, at_once):
        yield draw_weights(places, min(at_once, rounds - start), rng)
