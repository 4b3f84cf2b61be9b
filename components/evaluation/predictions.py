"""The table of predictions: a row a clip with its truth, its scores and what was decided; it is kept as predictions.parquet."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.config import Task
from components.evaluation.arrays import Bools, Floats
from components.evaluation.metrics import decide
from components.labels import LabelSet

CLIP_COLUMNS = ("clip_id", "path", "group", "duration_s", "labels", "unknown")


def score_column(code: str) -> str:
    """`score_cel`."""
    return f"score_{code}"


def tabulate(
    clips: pd.DataFrame, scores: npt.ArrayLike, thresholds: npt.ArrayLike, label_set: LabelSet, task: Task = "multilabel"
) -> pd.DataFrame:
    """Join clips and scores.

    Args:
        clips: a manifest's rows; clip_id, path, group, duration_s, labels and unknown are kept.
        scores: [clip, label], 0 to 1, in the order of the rows.
        thresholds: [label]; a score that reaches it is a decision for the label.
        task: see `decide`.
    Returns:
        clip_id, path, group, duration_s, labels, unknown and predicted (lists of codes in the label set's order), and
        score_<code> float32 for each label.
    """
    score = np.asarray(scores, np.float32)
    table = clips.loc[:, list(CLIP_COLUMNS)].reset_index(drop=True)
    table["predicted"] = [_names(row, label_set) for row in decide(score, thresholds, task)]
    return pd.concat([table, pd.DataFrame(score, columns=[score_column(code) for code in label_set.codes])], axis=1)


@dataclass(frozen=True)
class Predicted:
    """The table as arrays, each [clip, label], and the group of each clip."""

    scores: Floats
    targets: Bools
    mask: Bools
    decisions: Bools
    groups: npt.NDArray[np.str_]

    @property
    def misses(self) -> Bools:
        """True and not predicted."""
        return self.targets & ~self.decisions

    @property
    def false_alarms(self) -> Bools:
        """Predicted and known to be false."""
        return self.decisions & self.mask & ~self.targets


def arrays(predictions: pd.DataFrame, label_set: LabelSet) -> Predicted:
    """Read a table of predictions, as `tabulate` makes it or Parquet gives it back."""
    unknown = _matrix(predictions["unknown"], label_set)
    return Predicted(
        predictions[[score_column(code) for code in label_set.codes]].to_numpy(np.float64),
        _matrix(predictions["labels"], label_set) & ~unknown,
        ~unknown,
        _matrix(predictions["predicted"], label_set),
        predictions["group"].to_numpy(np.str_),
    )


def _matrix(rows: Iterable[Sequence[str]], label_set: LabelSet) -> Bools:
    vectors = [label_set.vector(codes) for codes in rows]
    return np.asarray(vectors, np.float32).reshape(-1, len(label_set)) > 0


def _names(row: Bools, label_set: LabelSet) -> list[str]:
    return [code for code, chosen in zip(label_set.codes, row, strict=True) if chosen]
