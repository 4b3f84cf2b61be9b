"""Precision against recall, a panel a label."""

import numpy as np
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.plots.curves import page, precision_recall


def draw(judgement: Judgement) -> Figure:
    """The area under each curve is the label's average precision (AP)."""
    table = judgement.metrics.per_label
    precision = np.where(table["predicted"] > 0, table["precision"], np.nan)
    works_at = table["recall"].to_numpy(np.float64), precision
    return page(judgement, precision_recall, ("average_precision", "AP"), ("recall", "precision"), works_at)
