"""The share of true clips found against the share of false alarms (ROC), a panel a label."""

import numpy as np
from matplotlib.figure import Figure

from components.evaluation.judgement import Judgement
from components.evaluation.plots.curves import page, roc


def draw(judgement: Judgement) -> Figure:
    """The area under each curve is the label's ROC AUC."""
    table, predicted = judgement.metrics.per_label, judgement.predicted
    absent = np.maximum((table["known"] - table["support"]).to_numpy(np.float64), 1)
    works_at = predicted.false_alarms.sum(axis=0) / absent, table["recall"].to_numpy(np.float64)
    return page(judgement, roc, ("roc_auc", "AUC"), ("false alarms", "found"), works_at)
