"""Evidently's workspace: a project a model, a snapshot a period, and time series of each label. `timbre drift ui` shows it."""

import os
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.evaluation.names import display_name
from components.labels import LabelSet
from components.monitoring.inputs import INPUTS
from components.monitoring.period import usable
from components.monitoring.report import Watched
from components.monitoring.verdict import DriftVerdict

if TYPE_CHECKING:
    from evidently.ui.workspace import Workspace

MOST_ROWS = 20_000  # that Evidently gets to see of a period
NUMBERS = tuple(column for column, about in INPUTS.items() if about.kind == "number")
VERDICT, FOUND = "Timbre: drift (1) or none (0)", "Timbre: comparisons that found a drift"


def keep(
    verdict: DriftVerdict,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    label_set: LabelSet,
    watched: Watched,
    folder: Path,
    moment: datetime,
) -> str:
    """Add the period to the model's project, which is made where it is missing; the project's id.

    Evidently sees 20,000 clips of the period at most, drawn evenly. Our verdict leads the snapshot; what follows are Evidently's own
    figures and drift measures, which have no part in it.

    Args:
        folder: of the workspace.
        moment: when the period ended, its place in the time series.
    """
    os.environ.setdefault("DO_NOT_TRACK", "1")
    from evidently import Report
    from evidently.metrics import MaxValue, MeanValue, RowCount, ValueDrift
    from evidently.ui.workspace import Workspace

    workspace = Workspace.create(str(folder))
    project = _project(workspace, watched, label_set)
    now = _frame(current.iloc[_shown(current, moment)], label_set)
    told = {VERDICT: float(verdict.state == "drift"), FOUND: float(len(verdict.findings))}
    now, then = now.assign(**told), _frame(reference, label_set).assign(**{VERDICT: 0.0, FOUND: 0.0})
    columns = [
        column for column in now if column in then and column not in told and now[column].notna().any() and then[column].notna().any()
    ]
    metrics: list[Any] = [MaxValue(column=VERDICT), MaxValue(column=FOUND), RowCount()]
    metrics += [MeanValue(column=column) for column in columns] + [ValueDrift(column=column) for column in columns]
    metadata = {"sentence": verdict.sentence, "model": watched.digest, "rows": f"{len(now):,} of {verdict.counted.clips:,}"}
    if len(now):
        snapshot = Report(metrics, metadata=metadata).run(now, then, timestamp=moment.replace(tzinfo=None))
        workspace.add_run(project.id, snapshot, name=f"{moment:%Y-%m-%d %H:%M}: {verdict.state}")
    return str(project.id)


def _shown(current: pd.DataFrame, moment: datetime) -> npt.NDArray[np.int64]:
    places = np.flatnonzero(usable(current, moment)[0])
    return places[np.unique(np.linspace(0, len(places) - 1, min(len(places), MOST_ROWS)).round().astype(np.int64))]


def _frame(rows: pd.DataFrame, label_set: LabelSet) -> pd.DataFrame:
    """The columns that Evidently sees, under names that people read."""
    names = {name: INPUTS[name].title for name in NUMBERS}
    for label in label_set.labels:
        names |= {f"score_{label.code}": f"score of {display_name(label.full_name)}"}
        names |= {f"decision_{label.code}": f"share with {display_name(label.full_name)}"}
    kept = [name for name in names if name in rows]
    return rows[kept].astype(np.float64).rename(columns=names).reset_index(drop=True)


def _project(workspace: "Workspace", watched: Watched, label_set: LabelSet) -> Any:
    """The project of the model, with its panels."""
    from evidently.sdk.models import PanelMetric
    from evidently.sdk.panels import line_plot_panel

    name = f"{watched.name}@{watched.digest[:8]}"
    known = [project for project in workspace.search_project(name) if project.name == name]
    if known:
        return known[0]
    project = workspace.create_project(name)

    def lines(title: str, metric: str, columns: Sequence[str]) -> None:
        values = [PanelMetric(legend=column, metric=metric, metric_labels={"column": column}) for column in columns]
        project.dashboard.add_panel(line_plot_panel(title=title, values=values, size="full"))

    labels = [display_name(full_name) for full_name in label_set.full_names]
    lines("Drift", "MaxValue", [VERDICT, FOUND])
    lines("Share of clips in which a label is found", "MeanValue", [f"share with {label}" for label in labels])
    lines("Mean score", "MeanValue", [f"score of {label}" for label in labels])
    for column in NUMBERS:
        lines(f"Mean {INPUTS[column].title}", "MeanValue", [INPUTS[column].title])
    return project
