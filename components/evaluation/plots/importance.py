"""How much of the difference between the trials of a search each key explains."""

from collections.abc import Mapping

import numpy as np
from matplotlib.figure import Figure

from components.evaluation.plots.theme import INK, MUTED, SMALL_PT, SOFT, TEXT_PT, figure, tidy


def draw(shares: Mapping[str, float], trials: int) -> Figure:
    """A bar a key, the weightiest on top.

    Args:
        shares: dotted key -> share of the variance, 0 to 1.
        trials: how many it was told from.
    """
    ordered = sorted(shares.items(), key=lambda one: one[1])
    rows = np.arange(len(ordered))
    drawn = figure(0.32 * len(ordered) + 1.1)
    axes = tidy(drawn.add_subplot(), "x")
    axes.barh(rows, [share for _, share in ordered], height=0.6, color=SOFT)
    for row, (_, share) in zip(rows, ordered, strict=True):
        axes.annotate(f"{share:.0%}", (share, row), (6, 0), textcoords="offset points", va="center", fontsize=SMALL_PT, color=MUTED)
    axes.set_yticks(rows, [key for key, _ in ordered], fontsize=TEXT_PT, color=INK)
    axes.set_xlim(0, 1.08)
    axes.set_xticks(np.arange(0, 1.01, 0.25), ["0", "25%", "50%", "75%", "100%"])
    axes.set_xlabel(f"share of the difference between {trials} trials")
    return drawn
