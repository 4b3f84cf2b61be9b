"""How the clips' own F1, precision, recall and accuracy are spread."""

import numpy as np
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.per_clip import NAMES, per_clip
from components.evaluation.plots.theme import INK, MAIN, MUTED, SMALL_PT, SOFT, TEXT_PT, figure, tidy

BINS = np.linspace(0, 1, 11).tolist()


def draw(judgement: Judgement) -> Figure:
    """A panel a metric, in tenths, with the mean; clips about which a metric says nothing are not in it."""
    found = per_clip(judgement.predicted)
    drawn = figure(4.6)
    for axes, (name, values) in zip(drawn.subplots(2, 2, sharex=True).flat, found.items(), strict=True):
        defined = values[np.isfinite(values)]
        tidy(axes, "y").hist(defined, BINS, color=SOFT, rwidth=0.9)
        axes.set_title(NAMES[name], loc="left", fontsize=TEXT_PT, color=INK, pad=4)
        mean = f"mean {defined.mean():.2f} of {len(defined):,} clips" if len(defined) else "no clips"
        axes.set_title(mean, loc="right", fontsize=SMALL_PT, color=MUTED, pad=4)
        if len(defined):
            axes.axvline(defined.mean(), color=MAIN, linewidth=1.3, linestyle=(0, (4, 3)))
        axes.set_xlim(0, 1)
        axes.yaxis.get_major_locator().set_params(integer=True)
    for axes in drawn.axes[::2]:
        axes.set_ylabel("clips")
    return drawn
