"""The pictures of a drift report that its frames have data for, with words for those who cannot see them."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.evaluation.pictures import Picture
from components.evaluation.plots.theme import SLIM_IN
from components.monitoring.inputs import INPUTS
from components.monitoring.period import embedding_columns, values
from components.monitoring.verdict import Check, DriftVerdict

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from components.monitoring.plots.spread import Panel

MOST_PANELS, MOST_POINTS = 24, 800


def pictures(reference: pd.DataFrame, period: pd.DataFrame, verdict: DriftVerdict) -> list[Picture]:
    """Those of scores, rates, rates over time, inputs and embeddings.

    Args:
        period: the rows that count, or a draw of them.
    """
    made = []
    if panels := _panels(reference, period, verdict, "scores"):
        made.append(Picture("scores", _alt(verdict, "scores", "How the scores of each label are spread"), lambda: _spread(panels)))
    rates = [check for check in verdict.checks if check.area == "prevalence"]
    if rates:
        made += _of_rates(period, verdict)
    if inputs := _panels(reference, period, verdict, "input"):
        made.append(Picture("inputs", _alt(verdict, "input", "How the inputs are spread"), lambda: _spread(inputs)))
    if any(check.area == "embedding" for check in verdict.checks):
        alt = _alt(verdict, "embedding", "Where the clips lie as the tagger hears them")
        made.append(Picture("map", alt, lambda: _map(_embeddings(reference), _embeddings(period))))
    return made


def _panels(reference: pd.DataFrame, period: pd.DataFrame, verdict: DriftVerdict, area: str) -> "list[Panel]":
    """Of an area's numbers, those that drifted first."""
    from components.monitoring.plots.spread import Panel, ends

    made = []
    for check in _first_found(verdict, area)[:MOST_PANELS]:
        column = f"score_{check.name}" if area == "scores" else check.name
        unit = f", {check.unit}" if area == "input" and check.unit else ""
        if area == "input" and INPUTS[column].kind == "name":
            continue
        then, now = values(reference, column), values(period, column)
        axis = (0.0, 1.0) if area == "scores" else ends(np.concatenate([then, now]), INPUTS[column].within)
        made.append(Panel(f"{check.title}{unit}", then, now, axis, check.found))
    return made


def _of_rates(period: pd.DataFrame, verdict: DriftVerdict) -> list[Picture]:
    from components.monitoring.plots import over_time, rates

    checks = _first_found(verdict, "prevalence")[:MOST_PANELS]
    alt = _alt(verdict, "prevalence", "In how many clips each label is found")
    made = [Picture("rates", alt, lambda: rates.draw(checks)), Picture("rates_slim", alt, lambda: rates.draw(checks, SLIM_IN))]
    if "at" in period and period["at"].nunique() > 1:
        at = pd.to_datetime(period["at"], utc=True)
        decisions = {check.name: period[f"decision_{check.name}"].to_numpy(np.float64, na_value=np.nan) for check in checks}
        made.append(Picture("over_time", f"{alt}, over time", lambda: over_time.draw(at, decisions, checks)))
    return made


def _first_found(verdict: DriftVerdict, area: str) -> list[Check]:
    return sorted((check for check in verdict.checks if check.area == area), key=lambda one: not one.found)


def _alt(verdict: DriftVerdict, area: str, what: str) -> str:
    found = [check.title for check in verdict.checks if check.area == area and check.found]
    return f"{what} in the reference and now; drifted: {', '.join(found) or 'none'}"


def _spread(panels: "list[Panel]") -> "Figure":
    from components.monitoring.plots.spread import draw

    return draw(panels)


def _map(then: npt.NDArray[np.float64], now: npt.NDArray[np.float64]) -> "Figure":
    from components.monitoring.plots.map import draw

    return draw(then, now)


def _embeddings(frame: pd.DataFrame) -> npt.NDArray[np.float64]:
    """[clip, number] of at most `MOST_POINTS` clips, evenly."""
    rows = frame[embedding_columns(frame)].to_numpy(np.float64, na_value=np.nan)
    rows = rows[np.isfinite(rows).all(axis=1)]
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), MOST_POINTS)).round().astype(np.int64))
    return np.asarray(rows[kept])
