"""The reviews of a registry, as retraining and the shadow ask for them."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from components.monitoring import reviewed
from components.monitoring.clip_audio import may_be_there, open_clip, suffix_of
from components.monitoring.detections import begin_of
from components.monitoring.performance import performance
from components.monitoring.review_export import export
from components.monitoring.reviewed import LiveF1, ReviewedClip
from components.registry import Registry
from components.registry.errors import UnknownPrediction
from components.registry.reviews import Review, Reviews, lot

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
        fresh = {one.content: one for one in self._reviews.list() if moment is None or one.at > moment}
        return sum(self._may_be_heard(one) for one in fresh.values())

    def live_f1(self, model: str) -> LiveF1 | None:
        found = performance(self._reviews, model)
        if found.sample < LEAST or found.macro_f1.value is None:
            return None
        return LiveF1(found.macro_f1.value, found.macro_f1.low, found.macro_f1.high, found.sample)

    def first_reviewed_since(self, moment: datetime) -> Iterator[ReviewedClip]:
        """Those of the draw alone: clips that were chosen because production is unsure of them would speak for the candidate."""
        every = sorted(self._reviews.list(), key=lambda one: one.at)
        reach: dict[datetime, float] = {}
        for one in every:
            if one.sampled_p is not None:
                week = begin_of(one.heard_at, "week")
                reach[week] = max(reach.get(week, 0.0), lot(one.content))
        seen: set[str] = set()
        for one in every:
            is_first, drawn = one.content not in seen, lot(one.content) <= reach.get(begin_of(one.heard_at, "week"), -1.0)
            seen.add(one.content)
            if is_first and drawn and one.at > moment:
                yield ReviewedClip(one.content, partial(self._open, one), frozenset(one.labels))

    def export(self, folder: Path) -> Path:
        return export(self._reviews.list(), self._registry.find().labels, folder, self._opened).table

    def _open(self, review: Review) -> BinaryIO:
        about = self._reviews.prediction(review.prediction_id)
        return open_clip(review.content, about.source, about.audio_uri)

    def _opened(self, review: Review) -> tuple[BinaryIO, str] | None:
        try:
            file = self._open(review)
        except (OSError, UnknownPrediction):
            return None
        return file, suffix_of(file) or "audio"

    def _may_be_heard(self, review: Review) -> bool:
        try:
            about = self._reviews.prediction(review.prediction_id)
        except UnknownPrediction:
            return False
        return may_be_there(about.source, about.audio_uri)


def reviews_of(registry: Registry) -> reviewed.Reviews:
    """The reviews that a registry holds."""
    return StoredReviews(registry)
