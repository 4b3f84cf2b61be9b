"""F1 of each label as a bar with its bootstrap interval, the best on top."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from components.evaluation.metrics import Metrics
from components.evaluation.names import display_name
from components.evaluation.plots.theme import INK, MAIN, MUTED, SMALL_PT, SOFT, TEXT_PT, WIDTH_IN, figure, key, percent_axis, tidy


def draw(metrics: Metrics, width_in: float = WIDTH_IN) -> Figure:
    """One row a label, with its F1 and its number of true clips; a label without any has no bar."""
    table = metrics.per_label.sort_values(["f1", "support"], kind="stable")
    rows = np.arange(len(table))
    drawn = figure(0.28 * len(table) + 1.1, width_in)
    axes = tidy(drawn.add_subplot(), "x")
    percent_axis(axes, "x", 0.2)
    axes.barh(rows, table["f1"], height=0.6, color=SOFT, label="F1")
    if metrics.intervals:
        axes.hlines(rows, table["f1_low"], table["f1_high"], color=INK, linewidth=1.5, label=f"{metrics.confidence:.0%} interval")
        for bound in ("f1_low", "f1_high"):
            axes.plot(table[bound], rows, linestyle="none", marker="|", markersize=7, markeredgewidth=1.5, color=INK, clip_on=False)
    mean = metrics.values["f1"]
    axes.axvline(mean, color=MAIN, linewidth=1.3, linestyle=(0, (4, 3)), label=f"macro F1 {mean:.2f}")
    axes.set_xlim(0, 1)
    axes.set_ylim(-0.6, len(table) - 0.4)
    axes.set_yticks(rows, [display_name(name) for name in table["full_name"]], fontsize=TEXT_PT, color=INK)
    _column(axes, [f"{f1:.2f}" if support else "–" for f1, support in zip(table["f1"], table["support"], strict=True)], "F1", 34, INK)
    _column(axes, [f"{support:,}" for support in table["support"]], "clips", 74, MUTED)
    key(drawn, axes)
    return drawn


def _column(axes: Axes, texts: list[str], head: str, offset_pt: float, colour: str) -> None:
    """Right-aligned numbers beside the rows."""
    for row, text in [*enumerate(texts), (len(texts) - 0.15, head)]:
        axes.annotate(text, (1, row), (offset_pt, 0), textcoords="offset points", va="center", ha="right", annotation_clip=False,
                      fontsize=TEXT_PT if text != head else SMALL_PT, color=colour if text != head else MUTED)  # fmt: skip
