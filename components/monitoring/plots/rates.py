"""In how many clips each label is found, then and now."""

from collections.abc import Sequence

from matplotlib.figure import Figure

from components.evaluation.plots.theme import INK, MAIN, MUTED, SECOND, SMALL_PT, SOFT, TEXT_PT, WIDTH_IN, figure, key, tidy
from components.monitoring.verdict import Check


def draw(checks: Sequence[Check], width_in: float = WIDTH_IN) -> Figure:
    """A line a label from the reference's rate to the period's, the largest change on top; what drifted has its figures beside it."""
    ordered = sorted(checks, key=lambda one: abs(one.effect))
    drawn = figure(0.28 * len(ordered) + 1.0, width_in)
    axes = tidy(drawn.add_subplot(), "x")
    for place, check in enumerate(ordered):
        colour = SECOND if check.found else MUTED
        axes.plot([check.before, check.now], [place, place], color=colour, linewidth=2.2 if check.found else 1.2, zorder=2)
        axes.scatter(check.before, place, s=34, color=SOFT, zorder=3, label="reference" if not place else None)
        axes.scatter(check.now, place, s=34, color=MAIN, zorder=4, label="period" if not place else None)
        if check.found:
            told, end = f"{check.before:.0%} to {check.now:.0%}", (max(check.before, check.now), place)
            axes.annotate(told, end, (8, 0), textcoords="offset points", va="center", fontsize=SMALL_PT, color=SECOND)
    axes.set_yticks(range(len(ordered)), [check.title for check in ordered], fontsize=TEXT_PT, color=INK)
    axes.xaxis.set_major_formatter(lambda value, _: f"{value:.0%}")
    axes.set_xlim(left=-0.01)
    axes.margins(x=0.15)
    key(drawn, axes)
    return drawn
