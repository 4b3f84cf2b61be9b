"""The points of precision-recall and ROC curves, and how a page of them is drawn: a panel a label."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.evaluation.arrays import Floats
from components.evaluation.judgement import Judgement
from components.evaluation.metrics import mean_defined
from components.evaluation.names import display_name
from components.evaluation.plots.theme import COLUMNS, INK, MAIN, MUTED, SECOND, SMALL_PT, SOFT, TEXT_PT, key, panels, percent_axis, tidy
from components.evaluation.predictions import Predicted

GRID = np.linspace(0, 1, 101)
MOST_POINTS = 400


@dataclass(frozen=True)
class Curve:
    """A curve in the unit square, from the highest threshold to the lowest."""

    x: Floats  # [point], rising
    y: Floats  # [point]
    chance: Floats  # [2], the height of guessing at x = 0 and x = 1
    steps: bool  # whether it holds its height back to the point before

    def thinned(self) -> "Curve":
        """At most MOST_POINTS of the points, evenly."""
        kept = np.unique(np.linspace(0, len(self.x) - 1, MOST_POINTS).round().astype(np.int64))
        return Curve(self.x[kept], self.y[kept], self.chance, self.steps)

    def over_grid(self) -> Floats:
        """The height at each point of GRID."""
        if self.steps:
            return self.y[np.minimum(np.searchsorted(self.x, GRID), len(self.x) - 1)]
        return np.interp(GRID, self.x, self.y)


def precision_recall(predicted: Predicted, place: int) -> Curve | None:
    """Precision over recall at each score of a true clip, as average precision sums them; None where known clips are all alike."""
    if (counts := _counts(predicted, place)) is None:
        return None
    hits, listed, positives, known = counts
    gained = np.diff(hits, prepend=0) > 0
    precision, recall = (hits / listed)[gained], (hits / positives)[gained]
    return Curve(np.append(0.0, recall), np.append(precision[:1], precision), np.full(2, positives / known), steps=True)


def roc(predicted: Predicted, place: int) -> Curve | None:
    """The share of true clips found over the share of false alarms; None where known clips are all alike."""
    if (counts := _counts(predicted, place)) is None:
        return None
    hits, listed, positives, known = counts
    return Curve(np.append(0.0, (listed - hits) / (known - positives)), np.append(0.0, hits / positives), np.array([0.0, 1.0]), steps=False)


def _counts(predicted: Predicted, place: int) -> tuple[Floats, Floats, int, int] | None:
    """Hits and clips at or above each distinct score, then the positives and the clips in all."""
    rows = np.flatnonzero(predicted.mask[:, place])
    score, target = predicted.scores[rows, place], predicted.targets[rows, place]
    if not target.any() or target.all():
        return None
    order = np.argsort(-score, kind="stable")
    last = np.flatnonzero(np.append(np.diff(score[order]) != 0, True))
    hits: Floats = np.cumsum(target[order])[last].astype(np.float64)
    return hits, (last + 1).astype(np.float64), int(target.sum()), len(target)


def page(
    judgement: Judgement,
    make: Callable[[Predicted, int], Curve | None],
    area: tuple[str, str],
    names: tuple[str, str],
    works_at: tuple[Floats, Floats],
) -> Figure:
    """Draw a panel a label: its curve, the mean of all, guessing, and the point at which the tagger works.

    Args:
        area: column of per_label that sums a curve up, and its short name.
        names: of the x and the y axis.
        works_at: x and y of each label's working point, [label]; NaN for none.
    """
    made = [make(judgement.predicted, place) for place in range(len(judgement.label_set))]
    mean = mean_curve(judgement.predicted, make)
    drawn, grid = panels(len(made))
    rows = judgement.metrics.per_label.to_dict("records")
    for place, (axes, own, row) in enumerate(zip(grid, made, rows, strict=True)):
        percent_axis(tidy(axes), step=0.5)
        axes.set_title(display_name(row["full_name"]), loc="left", fontsize=TEXT_PT, color=INK, pad=4)
        if place % COLUMNS == 0:
            axes.set_ylabel(names[1])
        if place + COLUMNS >= len(made):  # the lowest of its column, which may not be in the last row
            axes.set_xlabel(names[0])
            axes.tick_params(labelbottom=True)
        if own is None:
            axes.text(0.5, 0.5, "no positives" if not row["support"] else "no negatives", ha="center", color=MUTED, fontsize=SMALL_PT)
            continue
        axes.set_title(f"{area[1]} {row[area[0]]:.2f}", loc="right", fontsize=SMALL_PT, color=MUTED, pad=4)
        _draw(axes, own.thinned(), mean, (works_at[0][place], works_at[1][place]))
    shown = [axes for axes, one in zip(grid, made, strict=True) if one is not None]
    if shown:
        key(drawn, shown[0])
    return drawn


def _draw(axes: Axes, own: Curve, mean: Floats, works_at: tuple[float, float]) -> None:
    axes.plot([0, 1], own.chance, color=MUTED, linewidth=0.9, linestyle=(0, (3, 3)), label="guessing")
    axes.plot(GRID, mean, color=SOFT, linewidth=1.6, label="mean of all")
    axes.plot(own.x, own.y, drawstyle="steps-pre" if own.steps else "default", color=MAIN, linewidth=1.8, label="this label")
    axes.plot(*works_at, marker="o", markersize=6.5, linestyle="none", color=SECOND, markeredgecolor="white", markeredgewidth=1.2,
              clip_on=False, zorder=5, label="at its threshold")  # fmt: skip


def mean_curve(predicted: Predicted, make: Callable[[Predicted, int], Curve | None]) -> Floats:
    """The mean height over GRID of the curves of all labels that have one; NaN where none has."""
    heights = [one.over_grid() for place in range(predicted.scores.shape[1]) if (one := make(predicted, place)) is not None]
    return mean_defined(np.stack(heights, axis=1)) if heights else np.full(len(GRID), np.nan)
