"""How every plot looks: one size of type, few colours, no colour that stands alone.

Colours are Okabe and Ito's (2008), which colour-blind readers tell apart; whatever a colour says, a place, a mark or a word says too.
Figures are made without pyplot, so that drawing shares no state between threads.
"""

import io
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

INK = "#1d2530"
MUTED = "#66707f"
LINE = "#d5dae1"
PAPER = "#ffffff"
MAIN = "#0072b2"
SECOND = "#d55e00"
THIRD = "#009e73"
SOFT = "#9db8cf"  # MAIN, where it is only background
WIDTH_IN, SLIM_IN = 8.6, 4.2
SMALL_PT, TEXT_PT = 8.5, 9.5
COLUMNS = 4
PNG_DPI = 160


def figure(height_in: float, width_in: float = WIDTH_IN) -> Figure:
    """An empty figure as wide as the report's column."""
    made = Figure(figsize=(width_in, height_in), layout="constrained", facecolor=PAPER)
    FigureCanvasAgg(made)
    return made


def tidy(axes: Axes, grid: Literal["x", "y", "both", "none"] = "both") -> Axes:
    """Thin grid, no box, muted ticks."""
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_facecolor("none")
    axes.tick_params(colors=MUTED, labelsize=SMALL_PT, length=0, pad=4)
    axes.set_axisbelow(True)
    if grid != "none":
        axes.grid(visible=True, axis=grid, color=LINE, linewidth=0.7)
    for label in (axes.xaxis.label, axes.yaxis.label):
        label.set_color(MUTED)
        label.set_fontsize(SMALL_PT)
    return axes


def percent_axis(axes: Axes, which: Literal["x", "y", "both"] = "both", step: float = 0.25) -> None:
    """0 to 1 with few ticks, and room for marks at the ends."""
    ticks = np.arange(0, 1 + step / 2, step)
    names = [f"{tick:.2f}".rstrip("0").rstrip(".") for tick in ticks]
    if which in ("x", "both"):
        axes.set_xlim(-0.02, 1.02)
        axes.set_xticks(ticks, names)
    if which in ("y", "both"):
        axes.set_ylim(-0.02, 1.02)
        axes.set_yticks(ticks, names)


def panels(count: int, columns: int = COLUMNS, panel_in: float = 2.05) -> tuple[Figure, list[Axes]]:
    """Small multiples: `count` square panels that share their axes, unused places left empty."""
    rows = -(-count // columns)
    made = figure(rows * panel_in + 0.75)
    grid = made.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[count:]:
        axes.set_visible(False)
    return made, list(grid.flat[:count])


def key(drawn: Figure, axes: Axes) -> None:
    """The legend of `axes` in one line below the figure, in the order of drawing."""
    handles, names = axes.get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside lower center", ncols=len(names), frameon=False, fontsize=SMALL_PT, labelcolor=MUTED,
                 handlelength=1.6, columnspacing=1.8)  # fmt: skip


def render(drawn: Figure, form: Literal["png", "svg"] = "png") -> bytes:
    """The picture as bytes, PNG on white or SVG on nothing; the same figure gives the same bytes."""
    import matplotlib as mpl

    made = io.BytesIO()
    with mpl.rc_context({"svg.hashsalt": "timbre"}):
        if form == "svg":
            drawn.savefig(made, format=form, metadata={"Date": None}, transparent=True)
        else:
            drawn.savefig(made, format=form, dpi=PNG_DPI, metadata={"Software": None})
    return made.getvalue()
