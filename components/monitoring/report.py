"""One HTML page about a period, for a person to read: it needs no network and no other file."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd

from components.evaluation.inline import inline
from components.evaluation.names import display_name
from components.evaluation.wording import noun
from components.labels import LabelSet
from components.monitoring.listen import Sound
from components.monitoring.period import usable
from components.monitoring.pictures import pictures
from components.monitoring.verdict import Check, DriftVerdict
from components.monitoring.wording import change
from components.watch_config import DriftConfig

TEMPLATE = Path(__file__).with_name("report.html.j2")
STYLE = Path(__file__).parents[1] / "evaluation"
MOST_DRAWN = 20_000  # clips of the period that pictures show


@dataclass(frozen=True)
class Watched:
    """Which model was watched, and when: both ends where they are known."""

    name: str
    digest: str
    since: datetime | None = None
    until: datetime | None = None

    @property
    def when(self) -> str:
        ends = [f"{moment:%Y-%m-%d %H:%M}" if moment else "" for moment in (self.since, self.until)]
        if not any(ends):
            return "all time"
        return f"{ends[0]} to {ends[1]} UTC" if all(ends) else f"{'since' if ends[0] else 'until'} {''.join(ends)} UTC"


def report(
    verdict: DriftVerdict,
    reference: pd.DataFrame,
    current: pd.DataFrame,
    label_set: LabelSet,
    watched: Watched,
    config: DriftConfig,
    now: datetime | None = None,
    heard: Sequence[Sound] = (),
) -> str:
    """The page as a string; the same arguments give the same page.

    Args:
        verdict: what `drift` said of these frames.
        now: as for `drift`.
        heard: clips to listen to.
    """
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader([TEMPLATE.parent, STYLE]), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    period = _shown(current, now)
    return environment.get_template(TEMPLATE.name).render(
        verdict=verdict,
        watched=watched,
        config=config,
        word=noun(label_set),
        rows=_rows(verdict, label_set),
        others=[check for check in verdict.checks if check.area in ("input", "embedding")],
        change=change,
        chance=chance,
        pictures={picture.name: inline(picture) for picture in pictures(reference, period, verdict)},
        drawn=len(period),
        heard=heard,
        areas=len({check.area for check in verdict.checks}),
        calibrated=any(check.area == "calibration" for check in verdict.checks),
    )


@dataclass(frozen=True)
class Row:
    """A label in the table, with its check of each area, where it has one."""

    name: str
    prevalence: Check | None
    scores: Check | None
    calibration: Check | None

    @property
    def found(self) -> bool:
        return any(check.found for check in self.checks)

    @property
    def checks(self) -> list[Check]:
        return [check for check in (self.prevalence, self.scores, self.calibration) if check]


def _rows(verdict: DriftVerdict, label_set: LabelSet) -> list[Row]:
    """Labels that drifted first, the surest on top; then the others in their order."""
    each = {(check.area, check.name): check for check in verdict.checks}
    made = [
        Row(display_name(label.full_name), *(each.get((area, label.code)) for area in ("prevalence", "scores", "calibration")))
        for label in label_set.labels
    ]
    return sorted(
        (row for row in made if row.checks), key=lambda row: (not row.found, min(one.sure for one in row.checks) if row.found else 0)
    )


def _shown(current: pd.DataFrame, now: datetime | None) -> pd.DataFrame:
    """The rows that count; of very many a draw."""
    places = np.flatnonzero(usable(current, now)[0])
    if len(places) > MOST_DRAWN:
        places = np.sort(np.random.default_rng(0).choice(places, MOST_DRAWN, replace=False))
    return current.iloc[places]


def chance(sure: float) -> str:
    """A corrected p-value in few signs."""
    return "< 0.000001" if sure < 1e-6 else f"{sure:.6f}".rstrip("0") if sure < 0.001 else f"{sure:.3f}" if sure < 0.1 else f"{sure:.2f}"
