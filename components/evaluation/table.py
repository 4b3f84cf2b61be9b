"""The table of the report: a row a label, then macro and micro."""

import math
from dataclasses import dataclass

from components.evaluation.metrics import Metrics
from components.evaluation.names import display_name

DASH = "–"


@dataclass(frozen=True)
class Row:
    """One line; what is undefined or unknown is NaN."""

    name: str
    support: int
    precision: float
    recall: float
    f1: float
    f1_low: float
    f1_high: float
    average_precision: float


def rows(metrics: Metrics) -> list[Row]:
    """A row for each label in the label set's order."""
    return [
        Row(
            display_name(str(row.full_name)),
            int(float(str(row.support))),
            *(float(getattr(row, name)) for name in ("precision", "recall", "f1", "f1_low", "f1_high", "average_precision")),
        )
        for row in metrics.per_label.itertuples()
    ]


def averages(metrics: Metrics) -> list[Row]:
    """The macro and the micro average; the macro row's average precision is mAP, the micro row has none."""
    support, values = int(metrics.per_label["support"].sum()), metrics.values
    made = []
    for name, prefix, mean_precision in (("macro", "", values["mAP"]), ("micro", "micro_", math.nan)):
        low, high = metrics.intervals.get(f"{prefix}f1", (math.nan, math.nan))
        numbers = (values[f"{prefix}precision"], values[f"{prefix}recall"], values[f"{prefix}f1"])
        made.append(Row(name, support, *numbers, low, high, mean_precision))
    return made


def number(value: float, digits: int = 2) -> str:
    """Rounded, or a dash for NaN."""
    return f"{value:.{digits}f}" if math.isfinite(value) else DASH


def span(low: float, high: float) -> str:
    """`0.42–0.72`, or a dash."""
    return f"{number(low)}–{number(high)}" if math.isfinite(low) and math.isfinite(high) else DASH
