"""In how many clips each label is found, over the time of the period."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.figure import Figure

from components.evaluation.plots.theme import COLUMNS, INK, MAIN, MUTED, SECOND, SMALL_PT, SOFT, TEXT_PT, figure, key, tidy
from components.monitoring.verdict import Check

MOST_STEPS, LEAST_CLIPS = 24, 20


def draw(at: "pd.Series[pd.Timestamp]", decisions: dict[str, npt.NDArray[np.float64]], checks: Sequence[Check]) -> Figure:
    """A panel a label: its rate in steps of equal time, with the reference's as a dashed line.

    Args:
        at: [clip].
        decisions: code -> [clip], 0 or 1, NaN where unknown.
        checks: of prevalence; their order is that of the panels.
    """
    steps = int(np.clip(len(at) // LEAST_CLIPS, 1, MOST_STEPS))
    seconds = (at - at.min()).dt.total_seconds().to_numpy(np.float64)
    span = float(seconds.max(initial=0)) or 1.0
    places = np.minimum((seconds / span * steps).astype(np.int64), steps - 1)
    middles = (np.arange(steps) + 0.5) / steps  # of the period
    columns = min(COLUMNS, len(checks))
    rows = -(-len(checks) // columns)
    drawn = figure(rows * 1.75 + 0.6)
    grid = drawn.subplots(rows, columns, squeeze=False, sharex=True)
    for axes in grid.flat[len(checks) :]:
        axes.set_visible(False)
    for place, (axes, check) in enumerate(zip(grid.flat, checks, strict=False)):
        known = np.isfinite(decisions[check.name])
        yes = np.bincount(places[known], decisions[check.name][known], steps)
        clips = np.bincount(places[known], minlength=steps)
        axes.axhline(check.before, color=SOFT, linewidth=1.4, linestyle=(0, (4, 3)), label="reference")
        axes.plot(middles, np.where(clips > 0, yes / np.maximum(clips, 1), np.nan), color=MAIN, linewidth=1.5, marker=".", label="period")
        tidy(axes, "y")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
        axes.set_ylim(bottom=0)
        axes.locator_params(axis="y", nbins=4)
        axes.set_xlim(0, 1)
        axes.set_xticks([0, 1], ends(at.min(), at.max()), color=MUTED, fontsize=SMALL_PT)
        axes.tick_params(labelbottom=place + columns >= len(checks))  # the lowest of its column, which may not be in the last row
        for text, side in zip(axes.get_xticklabels(), ("left", "right"), strict=False):
            text.set_ha(side)
        mark, colour = (" ● drift", SECOND) if check.found else ("", INK)
        axes.set_title(f"{check.title}{mark}", loc="left", fontsize=TEXT_PT if len(check.title) < 14 else SMALL_PT, color=colour, pad=4)
    key(drawn, grid.flat[0])
    return drawn


def ends(start: pd.Timestamp, end: pd.Timestamp) -> tuple[str, str]:
    """What stands below the start and the end of a period, as finely as its span needs; the end's is empty where it would be the same."""
    span = end - start
    if span > pd.Timedelta(days=3):
        day = "%d %b %Y" if span > pd.Timedelta(days=300) else "%d %b"
        return start.strftime(day), end.strftime(day)
    clock = "%H:%M" if span > pd.Timedelta(minutes=10) else "%H:%M:%S"
    first, last = (moment.strftime(f"%d %b {clock}") for moment in (start, end))
    if first == last:
        return first, ""
    return first, end.strftime(clock) if span < pd.Timedelta(days=1) else last  # two days have no room beside seconds
