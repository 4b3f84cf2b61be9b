"""What `dvc metrics` and `dvc plots` compare between runs: numbers as JSON, curves and counts as CSV.

| file | columns | template |
|---|---|---|
| metrics.json | SPEC's names -> numbers | |
| plots/instruments.csv | label, f1, f1_low, f1_high, support | bar_horizontal_sorted, x f1, y label |
| plots/confusion.csv | actual, predicted: a row a hit, a miss or a false alarm | confusion, x actual, y predicted |
| plots/precision_recall.csv | recall, precision: the mean of all labels | linear |
| plots/roc.csv | false_alarms, found: the mean of all labels | linear |
| plots/calibration.csv | score, share, count | linear, x score, y share |
| plots/training.csv | step, train_loss, val_f1, val_map, lr | linear, x step; only where there is a history |
"""

import json
from collections.abc import Iterator

import numpy as np
import pandas as pd

from components.evaluation.judgement import Judgement
from components.evaluation.names import display_name

DIGITS = 6
NOTHING = "nothing"


def dvc_files(judgement: Judgement, history: pd.DataFrame | None = None) -> dict[str, bytes]:
    """Path under the folder -> content; numbers have 6 digits, so that reruns agree."""
    from components.evaluation.plots import curves
    from components.evaluation.plots.calibration import reliability

    predicted = judgement.predicted
    counts, mean, share = reliability(predicted)
    precision, found = curves.mean_curve(predicted, curves.precision_recall), curves.mean_curve(predicted, curves.roc)
    bars = judgement.metrics.per_label.assign(label=[display_name(name) for name in judgement.label_set.full_names])
    frames = {
        "instruments": bars[["label", "f1", "f1_low", "f1_high", "support"]],
        "confusion": pd.DataFrame(_pairs(judgement), columns=["actual", "predicted"]),
        "precision_recall": pd.DataFrame({"recall": curves.GRID, "precision": precision}),
        "roc": pd.DataFrame({"false_alarms": curves.GRID, "found": found}),
        "calibration": pd.DataFrame({"score": mean, "share": share, "count": counts})[counts > 0],
    }
    if history is not None:
        frames["training"] = history
    metrics = json.dumps(judgement.metrics.flat(), indent=2) + "\n"
    return {"metrics.json": metrics.encode(), **{f"plots/{name}.csv": _csv(frame) for name, frame in frames.items()}}


def _pairs(judgement: Judgement) -> Iterator[tuple[str, str]]:
    """(actual, predicted) of each hit; of each miss with each false alarm of its clip, or with nothing, and the reverse."""
    predicted = judgement.predicted
    names = [display_name(name) for name in judgement.label_set.full_names]
    hits = predicted.targets & predicted.decisions
    for hit, missed, false in zip(hits, predicted.misses, predicted.false_alarms, strict=True):
        yield from ((names[place], names[place]) for place in np.flatnonzero(hit))
        if not missed.any() and not false.any():
            continue
        actual = [names[place] for place in np.flatnonzero(missed)] or [NOTHING]
        reported = [names[place] for place in np.flatnonzero(false)] or [NOTHING]
        yield from ((one, other) for one in actual for other in reported)


def _csv(frame: pd.DataFrame) -> bytes:
    return str(frame.to_csv(index=False, float_format=f"%.{DIGITS}g", lineterminator="\n")).encode()
