"""What was falsely reported where a label was missed: a label x label map, with each label's four counts beside it."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.mistakes import CoOccurrence, co_occurrence
from components.evaluation.names import display_name
from components.evaluation.plots.theme import INK, LINE, MUTED, SECOND, SMALL_PT, figure, tidy

# Strong enough to tell apart, and see-through enough that INK has a contrast of 4.5 (WCAG) on paper that is light and that is dark.
HEAT = LinearSegmentedColormap.from_list("heat", [to_rgba(SECOND, 0.2), to_rgba(SECOND, 0.75)])
MOST_SHOWN = 24  # more would not be legible
COUNTS = ("found", "missed", "false\nalarms", "rightly\nsilent")


def draw(judgement: Judgement) -> Figure:
    """Rows are missed labels, columns falsely reported ones; the last of each counts the clips with no partner."""
    counts = co_occurrence(judgement.predicted)
    shown = most_mistaken(counts)
    names = [display_name(judgement.label_set.full_names[place]) for place in shown]
    counts = counts.of(shown)
    drawn = figure(0.33 * len(names) + 1.9)
    left, right = drawn.subplots(1, 2, width_ratios=[2.8, 1])
    _map(left, counts, names)
    _table(right, counts, names)
    return drawn


def most_mistaken(counts: CoOccurrence) -> list[int]:
    """All labels, or the MOST_SHOWN with the most mistakes, in their order."""
    ranked = np.argsort(-(counts.misses + counts.false_alarms), kind="stable")
    return sorted(int(place) for place in ranked[:MOST_SHOWN])


def _map(axes: Axes, counts: CoOccurrence, names: list[str]) -> None:
    size = len(names)
    cells = np.zeros((size + 1, size + 1), int)
    cells[:size, :size] = counts.pairs
    cells[:size, size] = counts.missed_alone
    cells[size, :size] = counts.reported_alone
    shown = np.ma.masked_equal(cells, 0)
    highest = max(int(counts.pairs.max(initial=0)), 1)
    tidy(axes, "none")
    shown[size, :] = np.ma.masked
    shown[:, size] = np.ma.masked
    axes.imshow(shown, cmap=HEAT, vmin=1, vmax=max(highest, 2), aspect="auto")
    for row, column in zip(*np.nonzero(cells), strict=True):
        colour = MUTED if row == size or column == size else INK
        axes.text(column, row, f"{cells[row, column]}", ha="center", va="center", fontsize=SMALL_PT, color=colour)
    axes.set_xticks(range(size + 1), [*names, "nothing"], rotation=45, ha="left", rotation_mode="anchor", color=INK)
    axes.xaxis.tick_top()
    axes.xaxis.set_label_position("top")
    axes.set_xlabel("… this was falsely reported")
    axes.set_yticks(range(size + 1), [*names, "nothing"], color=INK)
    axes.set_ylabel("where this was missed …")
    _rules(axes, size)
    axes.set_xlim(-0.5, size + 0.5)
    axes.set_ylim(size + 0.5, -0.5)


def _rules(axes: Axes, size: int) -> None:
    for place in range(size + 2):
        strong = 1.4 if place == size else 0.6
        axes.axhline(place - 0.5, color=LINE, linewidth=strong)
        axes.axvline(place - 0.5, color=LINE, linewidth=strong)


def _table(axes: Axes, counts: CoOccurrence, names: list[str]) -> None:
    tidy(axes, "none")
    columns = (counts.hits, counts.misses, counts.false_alarms, counts.right_rejections)
    for column, numbers in enumerate(columns):
        for row, number in enumerate(numbers):
            axes.text(column, row, f"{number}", ha="center", va="center", fontsize=SMALL_PT, color=INK if number else MUTED)
    axes.set_xlim(-0.6, len(columns) - 0.4)
    axes.set_ylim(len(names) + 0.5, -0.5)
    axes.set_yticks([])
    axes.xaxis.tick_top()
    axes.set_xticks(range(len(columns)), COUNTS)
