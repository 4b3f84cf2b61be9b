"""Where the clips lie among each other, as the tagger hears them."""

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure

from components.evaluation.plots.theme import MAIN, SECOND, figure, key, tidy

Floats = npt.NDArray[np.float64]


def draw(then: Floats, now: Floats) -> Figure:
    """Embeddings [clip, number] on the two directions in which all of them differ most (principal components)."""
    both = np.concatenate([then, now]).astype(np.float64)
    scaled = (both - both.mean(axis=0)) / np.maximum(both.std(axis=0), 1e-9)
    _, _, directions = np.linalg.svd(scaled, full_matrices=False)
    flat = scaled @ directions[:2].T
    drawn = figure(4.4, 5.2)
    axes = tidy(drawn.add_subplot(), "none")
    before, after = flat[: len(then)], flat[len(then) :]
    axes.scatter(before[:, 0], before[:, 1], s=16, marker="s", color=MAIN, alpha=0.45, linewidths=0, label="reference")
    axes.scatter(after[:, 0], after[:, 1], s=16, marker="o", color=SECOND, alpha=0.45, linewidths=0, label="period")
    low, high = np.percentile(flat, [0.5, 99.5], axis=0)
    room = 0.05 * (high - low) + 1e-9
    axes.set_xlim(low[0] - room[0], high[0] + room[0])
    axes.set_ylim(low[1] - room[1], high[1] + room[1])
    axes.set_xticks([])
    axes.set_yticks([])
    key(drawn, axes)
    return drawn
