"""How numbers are spread in the reference and now: a panel a number, as shares of clips."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from components.evaluation.plots.theme import COLUMNS, INK, MAIN, SECOND, SMALL_PT, SOFT, TEXT_PT, figure, key, tidy

BINS = 24


@dataclass(frozen=True)
class Panel:
    """One number: what it is, its values then and now, where its axis ends, and whether it drifted."""

    title: str
    then: npt.NDArray[np.float64]
    now: npt.NDArray[np.float64]
    ends: tuple[float, float]
    drifted: bool


def draw(panels: Sequence[Panel]) -> Figure:
    """Filled: the reference; the line: the period. What drifted is marked in its title."""
    columns = min(COLUMNS, len(panels))
    rows = -(-len(panels) // columns)
    drawn = figure(rows * 1.75 + 0.6)
    grid = drawn.subplots(rows, columns, squeeze=False, gridspec_kw={"wspace": 0.12})
    for axes in grid.flat[len(panels) :]:
        axes.set_visible(False)
    for axes, panel in zip(grid.flat, panels, strict=False):
        low, high = panel.ends
        edges = np.linspace(low, high, BINS + 1)
        for values, style in ((panel.then, {"color": SOFT, "fill": True, "label": "reference"}),
                              (panel.now, {"color": MAIN, "linewidth": 1.5, "label": "period"})):  # fmt: skip
            counts, _ = np.histogram(np.clip(values, low, high), edges)
            axes.stairs(counts / max(len(values), 1), edges, **style)
        tidy(axes, "none")
        axes.set_xlim(low, high)
        axes.set_yticks([])
        axes.locator_params(axis="x", nbins=3)
        mark, colour = (" ● drift", SECOND) if panel.drifted else ("", INK)
        axes.set_title(f"{panel.title}{mark}", loc="left", fontsize=TEXT_PT if len(panel.title) < 14 else SMALL_PT, color=colour, pad=4)
    key(drawn, grid.flat[0])
    return drawn


def ends(values: npt.NDArray[np.float64], within: tuple[float, float]) -> tuple[float, float]:
    """Where 99 of 100 values lie, which is widened where that is one point.

    Args:
        within: what values can be at all.
    """
    low, high = (float(end) for end in np.percentile(values, [0.5, 99.5]))
    return (low, high) if high > low else (max(low - 0.5, within[0]), min(low + 0.5, within[1]))
