"""Scores as tables: a row a clip, or a row a window."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.config import Task
from components.errors import TimbreError
from components.evaluation import decide as decide_scores
from components.labels import LabelSet

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class ClipScores:
    """What a tagger hears in a clip.

    Attributes:
        windows: scores [window, label].
        starts_s: of the windows, [window].
        clip: scores [label], pooled from the windows'.
        embedding: [32], the mean over the windows; None where an exported network does not give it.
    """

    windows: Floats
    starts_s: npt.NDArray[np.float64]
    clip: Floats
    embedding: Floats | None


Outcome = tuple[str, ClipScores | TimbreError]


def clip_table(outcomes: Iterable[Outcome], label_set: LabelSet, thresholds: Floats, task: Task = "multilabel") -> pd.DataFrame:
    """`path`, `score_<code>` a label (NaN where the file failed), `labels` (the codes that `decide` gives), `error` (or None)."""
    unheard = np.full(len(label_set), np.nan, np.float32)
    paths, scores, labels, errors = [], [], list[list[str]](), []
    for path, outcome in outcomes:
        heard = isinstance(outcome, ClipScores)
        paths.append(path)
        scores.append(outcome.clip if isinstance(outcome, ClipScores) else unheard)
        labels.append(decide(scores[-1], label_set, thresholds, task))
        errors.append(None if heard else str(outcome))
    matrix = np.array(scores, np.float32).reshape(-1, len(label_set))
    table = {"path": paths, **_columns(matrix, label_set), "labels": labels}
    # An object column keeps None; pandas would make it NaN, which is true in a condition.
    return pd.DataFrame(table).astype({"path": "str", "labels": "object"}).assign(error=pd.Series(errors, dtype=object))


def window_table(outcomes: Iterable[Outcome], label_set: LabelSet, window_s: float) -> pd.DataFrame:
    """`path`, `start_s`, `end_s` and `score_<code>`: a row a window; a file that failed has none."""
    paths, starts, scores = list[str](), [np.zeros(0)], [np.zeros((0, len(label_set)), np.float32)]
    for path, outcome in outcomes:
        if isinstance(outcome, ClipScores):
            paths += [path] * len(outcome.windows)
            starts.append(outcome.starts_s)
            scores.append(outcome.windows)
    start_s = np.concatenate(starts)
    table = {"path": paths, "start_s": start_s, "end_s": start_s + window_s, **_columns(np.concatenate(scores), label_set)}
    return pd.DataFrame(table).astype({"path": "str"})


def decide(scores: Floats, label_set: LabelSet, thresholds: Floats, task: Task = "multilabel") -> list[str]:
    """The codes whose score [label] is at or above its threshold, in the label set's order; of one-of-many the highest of them."""
    return [code for code, yes in zip(label_set.codes, decide_scores(scores, thresholds, task), strict=True) if yes]


def _columns(scores: Floats, label_set: LabelSet) -> dict[str, Floats]:
    return {f"score_{code}": scores[:, place] for place, code in enumerate(label_set.codes)}
