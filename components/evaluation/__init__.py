"""From scores to numbers, pictures and words: metrics, thresholds, plots and the report.

This door is light (numpy and pandas) and holds what training needs too; `report`, `write` and `card` are imported by their own paths, so
that a change of a picture trains nothing anew.
"""

from components.evaluation.bootstrap import paired_difference
from components.evaluation.metrics import Metrics, decide, measure
from components.evaluation.thresholds import tune_thresholds

__all__ = ["Metrics", "decide", "measure", "paired_difference", "tune_thresholds"]
