"""What people review and how they are asked: the same for the routes and the page."""

import math
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from itertools import count, islice
from pathlib import Path
from typing import Any

from bentos import listening
from bentos.answers import DIGITS
from bentos.catalogue import Offer
from bentos.context import Context
from components.errors import TimbreError
from components.monitoring.clip_audio import may_be_there
from components.monitoring.moments import moment
from components.monitoring.review_queue import Candidate, queue
from components.registry.errors import UnfitReview
from components.registry.prediction import Prediction
from components.registry.predictions import Predictions
from components.registry.records import rfc3339
from components.registry.reviews import Pool, Review, Reviews

MOST_LOOKED_AT = 200  # clips whose bytes are sought for one answer
MOST_LOOKED_UP = 5000  # clips of which it is asked whether there is anything to seek
AT_ONCE = 100  # of these are asked of the database
IsThere = Callable[[Prediction], bool]


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
    context: Context,
    key: str,
    since: str | None,
    limit: int,
    check: Callable[[], object] = int,
    skipped: AbstractSet[str] = frozenset(),
    is_there: IsThere | None = None,
) -> Asked:
    """What to review of a model.

    Args:
        since: see `moment`.
        check: called now and then; what it raises ends the work.
        skipped: contents that are not wanted now.
        is_there: whether a clip can be had that may be there, asked once of each; a look at MOST_LOOKED_AT of them where none is given.
    Raises:
        TimbreError: if there is no such model, or `since` is no moment.
    """
    offer, reviews, roots = context.catalogue.find(key), Reviews(context.registry.database), context.sources.roots.folders
    pool, reviewed = reviews.pool(offer.digest, since_of(context, since)), reviews.reviewed(offer.digest)
    search, settings = _Search(reviews, pool, roots, is_there or _look(context, check), check), offer.settings
    found = queue(pool, reviewed, settings.thresholds, settings.task, limit, search.there, skipped)
    return Asked(offer, pool, found, search.logged, sum(content not in reviewed for content in pool.contents))


class _Search:
    """Goes through orders of a pool's rows for clips that can be had."""

    def __init__(self, reviews: Reviews, pool: Pool, roots: Sequence[Path], is_there: IsThere, check: Callable[[], object]) -> None:
        self._reviews, self._pool, self._roots, self._is_there, self._check = reviews, pool, roots, is_there, check
        self._left = MOST_LOOKED_UP
        self._found: dict[int, bool] = {}
        self.logged: dict[int, Prediction] = {}

    def there(self, order: Iterator[int]) -> Iterator[int]:
        while rows := list(islice(order, AT_ONCE)):
            self._look_up(rows)
            yield from filter(self._can_be_had, rows)

    def _look_up(self, rows: Sequence[int]) -> None:
        self._check()
        fresh = [row for row in rows if row not in self.logged][: self._left]
        self._left -= len(fresh)
        found = self._reviews.predictions([self._pool.ids[row] for row in fresh]) if fresh else {}
        self.logged.update((row, found[self._pool.ids[row]]) for row in fresh if self._pool.ids[row] in found)  # others are forgotten

    def _can_be_had(self, row: int) -> bool:
        if row not in self._found:
            about = self.logged.get(row)
            self._found[row] = about is not None and may_be_there(about.source, about.audio_uri, self._roots) and self._is_there(about)
        return self._found[row]


def _look(context: Context, check: Callable[[], object]) -> IsThere:
    looks = count()

    def look(about: Prediction) -> bool:
        check()
        if next(looks) >= MOST_LOOKED_AT:
            return False
        return listening.is_there(about.content or "", about.source, about.audio_uri, context.sources, check)

    return look


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
