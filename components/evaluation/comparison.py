"""Taggers side by side on the same clips: every metric of each, and how far each difference could be off."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from components.config import Task
from components.errors import DataError
from components.evaluation.arrays import group_places, scored
from components.evaluation.bootstrap import interval
from components.evaluation.metrics import Numbers, draws, every_metric
from components.evaluation.predictions import Predicted, arrays
from components.labels import LabelSet

LISTS = ("labels", "unknown", "predicted")


@dataclass(frozen=True)
class Contender:
    """A tagger's predictions, as `evaluation.predictions.tabulate` makes them.

    Args:
        name: what to call it.
        predictions: a row a clip; scores and decisions.
        task: of the tagger that made them.
    """

    name: str
    label_set: LabelSet
    predictions: pd.DataFrame
    task: Task = "multilabel"


@dataclass(frozen=True)
class Difference:
    """A metric of one less that of another on the same clips, with its interval; the bounds are NaN where there are none."""

    value: float
    low: float
    high: float

    @property
    def is_clear(self) -> bool:
        """Whether the interval leaves 0 out."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """What `compare` found.

    Args:
        values: of each contender, metric name -> value; names as in `Metrics.values`. What is undefined is left out.
        differences: of each contender but the first, metric name -> its value less the first one's.
        left_out: clips that not all of them were judged on.
    """

    names: tuple[str, ...]
    label_set: LabelSet
    clips: int
    groups: int
    left_out: int
    confidence: float
    values: tuple[dict[str, float], ...]
    differences: tuple[dict[str, Difference], ...]


def compare(contenders: Sequence[Contender], confidence: float = 0.95, rounds: int = 1000, seed: int = 0) -> Comparison:
    """Compare each with the first, on the clips and labels that all of them have.

    A paired bootstrap over groups: each round draws the same groups for all, so what makes a clip hard cancels out. Accuracy is the
    share of right clips where all are `multiclass`, as in `measure`.

    Raises:
        DataError: if there are fewer than two, they share no clip or no label, or differ in what is true of a clip.
    """
    if len(contenders) < 2:
        raise DataError("there is nothing to compare with: name two or more")
    label_set = _common_labels(contenders)
    tables, left_out = _common_clips(contenders, label_set)
    sides = [arrays(table, label_set) for table in tables]
    places = group_places(sides[0].groups, len(tables[0]))
    groups = len(np.unique(places))
    task: Task = "multiclass" if all(one.task == "multiclass" for one in contenders) else "multilabel"
    points = [_metrics(side, np.ones((1, len(places))), label_set, task) for side in sides]
    blocks = draws(places, rounds, seed) if groups > 1 else iter(())
    drawn = [[_metrics(side, weights, label_set, task) for side in sides] for weights in blocks]
    values = tuple({name: float(value[0]) for name, value in point.items() if math.isfinite(value[0])} for point in points)
    differences = tuple(_differences(points, drawn, place, confidence) for place in range(1, len(sides)))
    names = tuple(one.name for one in contenders)
    return Comparison(names, label_set, len(places), groups, left_out, confidence, values, differences)


def _metrics(side: Predicted, weights: np.ndarray, label_set: LabelSet, task: Task) -> Numbers:
    return every_metric(scored(side.scores, side.targets, side.mask), side.decisions, weights, label_set, task)


def _differences(points: list[Numbers], drawn: list[list[Numbers]], place: int, confidence: float) -> dict[str, Difference]:
    """Of the contender at `place` to the first; `drawn` is [block][contender]."""
    made = {}
    for name, value in points[place].items():
        difference = float(value[0] - points[0][name][0])
        if name.endswith("_support") or not math.isfinite(difference):
            continue
        low = high = math.nan
        if drawn:
            rounds = np.concatenate([block[place][name] - block[0][name] for block in drawn])
            low, high = (float(bound) for bound in interval(rounds, confidence))
        made[name] = Difference(difference, low, high)
    return made


def _common_labels(contenders: Sequence[Contender]) -> LabelSet:
    first = contenders[0].label_set
    shared = tuple(label for label in first.labels if all(label.code in one.label_set.index for one in contenders))
    if not shared:
        others = "; ".join(f"{one.name}: {', '.join(one.label_set.codes[:12])}" for one in contenders)
        raise DataError(f"they have no label in common ({others}): compare taggers of one task")
    return first if len(shared) == len(first) else LabelSet(first.name, shared)


def _common_clips(contenders: Sequence[Contender], label_set: LabelSet) -> tuple[list[pd.DataFrame], int]:
    """Each one's rows of the clips that all have, in the first one's order, and how many clips were left out."""
    tables = [_reduced(one.predictions, label_set) for one in contenders]
    shared = [clip for clip in tables[0].index if all(clip in table.index for table in tables[1:])]
    if not shared:
        raise DataError(
            f"{' and '.join(one.name for one in contenders)} were judged on no clip in common: name the clips by --dataset-paths"
        )
    chosen = [table.loc[shared] for table in tables]
    for one, table in zip(contenders[1:], chosen[1:], strict=True):
        for column in ("labels", "unknown"):
            told = zip(shared, chosen[0][column].tolist(), table[column].tolist(), strict=True)
            if differ := next((clip for clip, theirs, its in told if theirs != its), None):
                raise DataError(
                    f"{contenders[0].name} and {one.name} were told different labels of {differ}: score both anew by --dataset-paths"
                )
    every = set().union(*(table.index for table in tables))
    return [table.reset_index() for table in chosen], len(every) - len(shared)


def _reduced(predictions: pd.DataFrame, label_set: LabelSet) -> pd.DataFrame:
    table = predictions.set_index("clip_id")
    for column in LISTS:
        table[column] = pd.Series([[code for code in label_set.codes if code in set(row)] for row in table[column]], table.index)
    return table
