"""How often a model finds each label, day by day or week by week."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt

from components.monitoring.proportions import Share, exact
from components.registry.reviews import Reviews

Every = Literal["day", "week"]
Ints = npt.NDArray[np.int64]
MONDAY = datetime(1970, 1, 5, tzinfo=UTC)
STEPS: dict[Every, timedelta] = {"day": timedelta(days=1), "week": timedelta(days=7)}


@dataclass(frozen=True)
class Period:
    """A day or a week that begins on Monday, UTC.

    Attributes:
        clips: that were heard, each content once.
        rates: label code -> share of them in which the model found it.
    """

    start: datetime
    clips: int
    rates: dict[str, Share]


def begin_of(moment: datetime, every: Every) -> datetime:
    """When the day or week of a moment began."""
    step = STEPS[every]
    return MONDAY + (moment - MONDAY) // step * step


def detection_rates(reviews: Reviews, model: str, since: datetime | None = None, every: Every = "day") -> list[Period]:
    """The rates of each period in which something was heard, the oldest first.

    Args:
        model: a digest.
    """
    labels = reviews.labels(model)
    found: dict[datetime, tuple[int, Ints]] = {}
    for start, count, hits in _counts(reviews, model, since, every):
        before = found.get(start, (0, np.zeros(len(labels), np.int64)))
        found[start] = before[0] + count, before[1] + hits
    return [
        Period(start, count, {code: Share(hit / count, *exact(hit, count)) for code, hit in zip(labels, hits.tolist(), strict=True)})
        for start, (count, hits) in sorted(found.items())
        if count
    ]


def _counts(reviews: Reviews, model: str, since: datetime | None, every: Every) -> Iterator[tuple[datetime, int, Ints]]:
    """(period, clips, hits of each label) of each chunk; what was heard before in its period counts no more."""
    current, heard = MONDAY, set[str | None]()
    for contents, moments, decisions in reviews.decisions(model, since):
        rows: dict[datetime, list[int]] = {}
        for row, (content, moment) in enumerate(zip(contents, moments, strict=True)):
            start = begin_of(moment, every)
            if start != current:
                current, heard = start, set()
            if content is None or content not in heard:
                rows.setdefault(start, []).append(row)
                heard.add(content)
        for start, some in rows.items():
            yield start, len(some), decisions[some].sum(axis=0)
