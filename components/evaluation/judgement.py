"""A judgement: all that is known about a tagger on one split, ready to be written, drawn and told."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.config import EvaluationConfig, Task
from components.evaluation.arrays import Floats
from components.evaluation.metrics import Metrics, measure
from components.evaluation.mistakes import worst_places
from components.evaluation.predictions import Predicted, arrays, tabulate
from components.labels import LabelSet

Waveform = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Subject:
    """Which tagger was judged on which data."""

    name: str
    digest: str
    split: str  # the split's name; several are joined with a comma
    data_digest: str = ""
    about: Mapping[str, Any] = field(default_factory=dict)  # tagger.json

    @property
    def task(self) -> Task:
        """The tagger's; `multilabel` where nothing is said."""
        return "multiclass" if self.about.get("task") == "multiclass" else "multilabel"


@dataclass(frozen=True)
class WindowScores:
    """A clip's scores window by window."""

    scores: Floats  # [window, label]
    starts_s: Floats  # [window]
    length_s: float


@dataclass(frozen=True)
class WorstClip:
    """A clip that went badly wrong, with its sound."""

    place: int  # its row in the predictions
    waveform: Waveform  # [time]
    sample_rate: int
    windows: WindowScores


@dataclass(frozen=True)
class Judgement:
    """Metrics, predictions and the worst clips of a tagger on one split."""

    subject: Subject
    label_set: LabelSet
    thresholds: npt.NDArray[np.float32]  # [label]
    metrics: Metrics
    predictions: pd.DataFrame  # see predictions.tabulate
    worst: tuple[WorstClip, ...]  # the worst first

    @cached_property
    def predicted(self) -> Predicted:
        """The predictions as arrays."""
        return arrays(self.predictions, self.label_set)


def judgement_of(
    subject: Subject,
    label_set: LabelSet,
    thresholds: npt.NDArray[np.float32],
    clips: pd.DataFrame,
    scores: npt.ArrayLike,
    hear: Callable[[int], WorstClip],
    evaluation: EvaluationConfig,
) -> Judgement:
    """Judge scores that were already made.

    Args:
        clips: a manifest's rows.
        scores: [clip, label] in the order of the rows, 0 to 1.
        hear: row -> the clip with its sound and window scores; called for the worst clips only.
    """
    predictions = tabulate(clips, scores, thresholds, label_set, subject.task)
    predicted = arrays(predictions, label_set)
    metrics = measure(
        predicted.scores,
        predicted.targets,
        predicted.mask,
        thresholds,
        label_set,
        predicted.groups,
        evaluation.bootstrap_rounds,
        evaluation.confidence,
        task=subject.task,
    )
    worst = tuple(hear(place) for place in worst_places(predicted, thresholds, evaluation.worst_clips))
    return Judgement(subject, label_set, thresholds, metrics, predictions, worst)
