"""How often a score is right: the share of true labels in each tenth of the score, and how many scores lie there."""

import numpy as np
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.plots.theme import INK, LINE, MAIN, MUTED, SMALL_PT, SOFT, figure, percent_axis, tidy
from components.evaluation.predictions import Predicted
from components.evaluation.rates import CALIBRATION_BINS, calibration_bins


def reliability(predicted: Predicted) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Number of known scores, their mean and the share that is true, each [bin]; NaN in an empty bin."""
    score, target = predicted.scores[predicted.mask], predicted.targets[predicted.mask]
    bins = calibration_bins(score)
    counts = np.bincount(bins, minlength=CALIBRATION_BINS)
    whole = np.where(counts > 0, counts, np.nan)
    return counts, np.bincount(bins, score, CALIBRATION_BINS) / whole, np.bincount(bins, target, CALIBRATION_BINS) / whole


def wilson(share: np.ndarray, counts: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """The 95 % interval of a share (Wilson, 1927)."""
    centre = (share + z**2 / (2 * counts)) / (1 + z**2 / counts)
    half = z / (1 + z**2 / counts) * np.sqrt(share * (1 - share) / counts + z**2 / (4 * counts**2))
    return centre - half, centre + half


def draw(judgement: Judgement) -> Figure:
    """Above, reliability with a 95 % interval a bin; below, the counts on a logarithmic axis."""
    counts, mean, share = reliability(judgement.predicted)
    used = counts > 0
    low, high = wilson(share[used], counts[used])
    drawn = figure(5.4, 5.6)
    above, below = drawn.subplots(2, 1, height_ratios=[4, 1], sharex=True)
    tidy(above)
    above.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
    above.vlines(mean[used], low, high, color=SOFT, linewidth=3)
    above.plot(mean[used], share[used], color=MAIN, linewidth=1.6, marker="o", markersize=6)
    above.set_ylabel("share that was true")
    percent_axis(above)
    # outside the axes, where nothing can cross them
    above.set_title("above the dashed line: true more often than the score says", loc="left", fontsize=SMALL_PT, color=MUTED)
    above.set_xlabel("below the dashed line: true less often than the score says", loc="right")
    tidy(below, "none")
    edges = (np.arange(CALIBRATION_BINS) + 0.5) / CALIBRATION_BINS
    heights = np.log10(counts + 1.0)
    below.bar(edges, heights, width=0.085, color=SOFT)
    below.set_ylim(0, max(heights.max(), 1) * 1.25)
    below.set_yticks([])
    for edge, height, number in zip(edges, heights, counts, strict=True):
        below.annotate(f"{number:,}", (edge, height), (0, 2), textcoords="offset points", ha="center", fontsize=7.5, color=INK)
    below.spines["bottom"].set(visible=True, color=LINE)
    below.set_ylabel("how many")
    below.set_xlabel("score")
    return drawn
