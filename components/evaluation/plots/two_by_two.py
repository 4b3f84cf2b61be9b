"""Each label's 2x2 table: what is true against what was said."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgba
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.mistakes import co_occurrence
from components.evaluation.names import display_name
from components.evaluation.plots.theme import INK, MAIN, PAPER, SECOND, TEXT_PT, panels, tidy

RIGHT = LinearSegmentedColormap.from_list("right", [(0.0, to_rgba(PAPER)), (1.0, to_rgba(MAIN, 0.75))])
WRONG = LinearSegmentedColormap.from_list("wrong", [(0.0, to_rgba(PAPER)), (1.0, to_rgba(SECOND, 0.75))])


def draw(judgement: Judgement) -> Figure:
    """A panel a label: rows are true and absent, columns said and not said; right ones blue, wrong ones orange, by share of their row."""
    counts = co_occurrence(judgement.predicted)
    drawn, grid = panels(len(judgement.label_set))
    for place, (axes, name) in enumerate(zip(grid, judgement.label_set.full_names, strict=True)):
        cells = np.array(
            [
                [counts.hits[place], counts.misses[place]],
                [counts.false_alarms[place], counts.right_rejections[place]],
            ]
        )
        _table(tidy(axes, "none"), cells)
        axes.set_title(display_name(name), loc="left", fontsize=TEXT_PT, color=INK, pad=4)
        axes.set_xticks([0, 1], ["said", "not said"])
        axes.set_yticks([0, 1], ["true", "absent"])
    return drawn


def _table(axes: Axes, cells: np.ndarray) -> None:
    shares = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    for (row, column), count in np.ndenumerate(cells):
        colours = RIGHT if row == column else WRONG
        axes.fill_between([column - 0.47, column + 0.47], row - 0.47, row + 0.47, color=colours(shares[row, column]), linewidth=0)
        axes.text(column, row, f"{count:,}", ha="center", va="center", fontsize=TEXT_PT, color=INK)
    axes.set_xlim(-0.5, 1.5)
    axes.set_ylim(1.5, -0.5)
