"""From scores to numbers, pictures and words: metrics, thresholds, plots and the report.

This door is light (numpy and pandas); plots and the report load matplotlib and jinja2 when they are called.
"""

from components.evaluation.bootstrap import paired_difference
from components.evaluation.metrics import Metrics, decide, measure
from components.evaluation.report import report
from components.evaluation.table import rich_table
from components.evaluation.thresholds import tune_thresholds
from components.evaluation.write import write_evaluation

__all__ = ["Metrics", "decide", "measure", "paired_difference", "report", "rich_table", "tune_thresholds", "write_evaluation"]
