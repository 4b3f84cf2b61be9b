"""What people review and how they are asked: the same for the routes and the page."""

import math
from collections import Counter
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from bentos.answers import DIGITS
from bentos.catalogue import Offer
from bentos.context import Context
from bentos.listening import is_there
from components.errors import TimbreError
from components.monitoring.clip_audio import may_be_there
from components.monitoring.moments import moment
from components.monitoring.review_queue import Candidate, queue
from components.registry.errors import UnfitReview, UnknownPrediction
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.records import rfc3339
from components.registry.reviews import Pool, Review, Reviews

MOST_LOOKED_AT = 200  # clips whose bytes are sought for one answer
MOST_LOOKED_UP = 5000  # clips of which it is asked whether there is anything to seek


@dataclass(frozen=True, eq=False)
class Asked:
    """The next clips to review, what the log says of them by their rows in the pool, and how many wait with them."""

    offer: Offer
    pool: Pool
    candidates: list[Candidate]
    logged: dict[int, Prediction]
    waiting: int

    def items(self) -> list[dict[str, Any]]:
        """The clips as the queue's route tells them."""
        return [self._item(one) for one in self.candidates]

    def _item(self, one: Candidate) -> dict[str, Any]:
        about, labels, scores = self.logged[one.row], self.pool.labels, self.pool.scores[one.row].tolist()
        decisions = () if about.decisions is None else about.decisions
        return {
            "prediction_id": about.id,
            "at": rfc3339(about.at),
            "content": about.content,
            "scores": {code: _number(score) for code, score in zip(labels, scores, strict=True)},
            "decisions": [code for code, yes in zip(labels, decisions, strict=False) if yes],
            "label": one.label,
            "distance": None if one.distance is None else round(one.distance, DIGITS),
            "sampled_p": one.sampled_p,
            "audio": f"/api/v1/predictions/{about.id}/audio",
        }


def since_of(context: Context, text: str | None) -> datetime | None:
    """The moment that a client's words mean, by the database's clock.

    Raises:
        ConfigError: if they mean none.
    """
    return moment(text, Predictions(context.registry.database).clock()) if text else None


def ask(
    context: Context, key: str, since: str | None, limit: int, check: Callable[[], object] = int, skipped: AbstractSet[str] = frozenset()
) -> Asked:
    """What to review of a model.

    Args:
        since: see `moment`.
        check: called now and then; what it raises ends the work.
        skipped: contents that are not wanted now.
    Raises:
        TimbreError: if there is no such model, or `since` is no moment.
    """
    offer, reviews = context.catalogue.find(key), Reviews(context.registry.database)
    pool, reviewed = reviews.pool(offer.digest, since_of(context, since)), reviews.reviewed(offer.digest)
    logged: dict[int, Prediction] = {}
    looked = Counter[str]()

    def there(row: int) -> bool:
        check()
        if looked["up"] == MOST_LOOKED_UP or looked["at"] == MOST_LOOKED_AT:
            return False
        looked["up"] += 1
        try:
            about = logged[row] = reviews.prediction(pool.ids[row])
        except UnknownPrediction:  # it was forgotten since the pool was read
            return False
        if not may_be_there(about.source, about.audio_uri, context.sources.roots.folders):
            return False
        looked["at"] += 1
        return is_there(pool.contents[row], about.source, about.audio_uri, context.sources, check)

    settings = offer.settings
    found = queue(pool, reviewed, settings.thresholds, settings.task, limit, there, skipped)
    return Asked(offer, pool, found, logged, sum(content not in reviewed for content in pool.contents))


@dataclass(frozen=True)
class Said:
    """What a person heard in a prediction's clip; see `Reviews.add`."""

    prediction_id: str
    labels: Sequence[str]
    sampled_p: float | None = None
    replace: bool = False
    opinion_shown: bool | None = None


def review(context: Context, said: Said, who: str) -> Review:
    """Keep what a person heard. A model of one label of many wants one.

    Raises:
        RegistryError: if it cannot be kept.
    """
    reviews = Reviews(context.registry.database)
    if len(said.labels) != 1 and _is_one_of_many(context, reviews.prediction(said.prediction_id).model):
        raise UnfitReview(f"a clip of this model has exactly one label, and {len(said.labels)} were given", "labels")
    return reviews.add(said.prediction_id, said.labels, who, said.sampled_p, said.replace, said.opinion_shown)


def _is_one_of_many(context: Context, digest: str) -> bool:
    try:
        return context.catalogue.find(digest).settings.task == "multiclass"
    except TimbreError:  # it is on offer no longer
        return False


def _number(score: float) -> float | None:
    return round(score, DIGITS) if math.isfinite(score) else None
