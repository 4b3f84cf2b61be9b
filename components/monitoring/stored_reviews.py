"""The reviews of a registry, as retraining and the shadow ask for them."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from components.monitoring import reviewed
from components.monitoring.clip_audio import may_be_there, open_clip
from components.monitoring.detections import begin_of
from components.monitoring.performance import performance
from components.monitoring.review_export import export
from components.monitoring.reviewed import LiveF1, ReviewedClip
from components.places import data_roots
from components.registry import Registry
from components.registry.predictions import Predictions
from components.registry.reviews import Review, Reviews, lot

LIVE_DAYS = 90  # by the database's clock, in which the clips of a macro F1 were scored: good years hide no decay
LEAST = 20  # reviewed clips of the draw, below which nothing is said of a model's macro F1


class StoredReviews:
    """See `components.monitoring.reviewed.Reviews`.

    Raises:
        RegistryError: from every method, if the database is away.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._reviews = Reviews(registry.database)

    def count_since(self, moment: datetime | None) -> int:
        roots, fresh = data_roots(), {one.content: one for one in self._reviews.list() if moment is None or one.at > moment}
        return sum(may_be_there(one.source, one.audio_uri, roots) for one in fresh.values())

    def live_f1(self, model: str) -> LiveF1 | None:
        since = Predictions(self._registry.database).clock() - timedelta(days=LIVE_DAYS)
        found = performance(self._reviews, model, since)
        if found.sample < LEAST or found.macro_f1.value is None:
            return None
        return LiveF1(found.macro_f1.value, found.macro_f1.low, found.macro_f1.high, found.sample)

    def first_reviewed_since(self, moment: datetime) -> Iterator[ReviewedClip]:
        """Those of the draw alone: clips that were chosen because production is unsure of them would speak for the candidate."""
        every = sorted(self._reviews.list(), key=lambda one: one.at)
        reach: dict[tuple[str, datetime], float] = {}  # of each model's own draw in a week
        for one in every:
            if one.sampled_p is not None:
                reach[_draw_of(one)] = max(reach.get(_draw_of(one), 0.0), lot(one.content))
        known = {one.content for one in every if (one.first_at or one.at) <= moment}
        for one in every:
            if one.content not in known and lot(one.content) <= reach.get(_draw_of(one), -1.0):
                known.add(one.content)
                audio = partial(open_clip, one.content, one.source, one.audio_uri)
                yield ReviewedClip(one.content, audio, frozenset(one.labels), frozenset(one.known))

    def export(self, folder: Path) -> Path:
        return export(self._reviews.list(), self._registry.find().labels, folder).table


def _draw_of(review: Review) -> tuple[str, datetime]:
    return review.model, begin_of(review.heard_at, "week")


def reviews_of(registry: Registry) -> reviewed.Reviews:
    """The reviews that a registry holds."""
    return StoredReviews(registry)
