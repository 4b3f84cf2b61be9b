"""How good a tagger was on each clip by itself: what histograms over clips show."""

from collections.abc import Mapping

import numpy as np

from components.evaluation.arrays import Floats
from components.evaluation.predictions import Predicted
from components.evaluation.rates import ratio

NAMES = {"f1": "F1", "precision": "precision", "recall": "recall", "accuracy": "accuracy"}


def per_clip(predicted: Predicted) -> Mapping[str, Floats]:
    """F1, precision, recall and accuracy over the known labels of each clip, each [clip].

    NaN where it says nothing: all of a clip of which nothing is known, precision where nothing was predicted, recall where nothing is
    true, F1 where both are so.
    """
    hits = (predicted.targets & predicted.decisions).sum(axis=1).astype(np.float64)
    true = predicted.targets.sum(axis=1).astype(np.float64)
    said = (predicted.decisions & predicted.mask).sum(axis=1).astype(np.float64)
    known = predicted.mask.sum(axis=1).astype(np.float64)
    return {
        "f1": ratio(2 * hits, true + said),
        "precision": ratio(hits, said),
        "recall": ratio(hits, true),
        "accuracy": ratio(known - true - said + 2 * hits, known),
    }
