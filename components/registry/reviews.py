"""What people hear in clips that a model has scored: one review a prediction, and what is there to review."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from components.registry import leases
from components.registry.database import Database
from components.registry.errors import NotReviewable, Reviewed, UnfitReview, UnknownPrediction
from components.registry.history import note
from components.registry.prediction import COLUMNS, FLAGS, FLOATS, Prediction, unpacked
from components.registry.records import plain, rfc3339
from components.registry.tables import LoggedModelRow, ModelRow, PredictionRow, ReviewRow

CHUNK = 10_000  # rows
MOST_ROWS, DRAWN = 50_000, 1000  # of a pool: the newest predictions, and contents whose lots come next
DIGITS = 13  # of a BLAKE3 that make a lot: as many as a float holds
LOTS: float = 16.0**DIGITS


@dataclass(frozen=True)
class Review:
    """What a person heard.

    Attributes:
        labels: codes that are true; the model's others are false.
        known: every code of the model, which are those that the person was asked for.
        sampled_p: how far the draw had come; None where the clip was chosen for another reason.
        decided: codes that the model had decided for.
        heard_at: when the model scored it.
        source, audio_uri: of the prediction; see `Prediction`.
        first_at: when the prediction's first review was made, where this one took its place.
        opinion_shown: whether the person had seen what the model heard; None where that is not known.
    """

    prediction_id: str
    model: str
    content: str
    labels: tuple[str, ...]
    known: tuple[str, ...]
    reviewer: str
    at: datetime
    sampled_p: float | None
    decided: tuple[str, ...]
    heard_at: datetime
    source: str | None = None
    audio_uri: str | None = None
    first_at: datetime | None = None
    opinion_shown: bool | None = None

    def as_json(self) -> dict[str, Any]:
        """The review under the names of the service's routes; times are RFC 3339 in UTC."""
        return {
            "prediction_id": self.prediction_id,
            "model": self.model,
            "content": self.content,
            "labels": list(self.labels),
            "reviewer": self.reviewer,
            "at": rfc3339(self.at),
            "sampled_p": self.sampled_p,
            "opinion_shown": self.opinion_shown,
        }


@dataclass(frozen=True, eq=False)
class Pool:
    """What a model has scored in a period, a row a content: the newest of its predictions, and of that what tells which come next.

    Attributes:
        labels: codes, in the order of `scores`, [row, label].
    """

    labels: tuple[str, ...]
    ids: list[str]
    contents: list[str]
    scores: npt.NDArray[np.float32]


def lot(content: str) -> float:
    """A content's place in the draw, 0 to 1: the start of its BLAKE3, so that it is the same for every process and at any time.

    Contents in the order of their lots are a simple random order, whatever is added later (permanent random numbers: Ohlsson 1995,
    Coordination of samples using permanent random numbers).
    """
    return int(content[:DIGITS], 16) / LOTS


class Reviews:
    """The reviews of a database.

    Raises:
        RegistryError: from every method, if the database is away, locked for too long, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def prediction(self, prediction_id: str) -> Prediction:
        """A logged prediction.

        Raises:
            UnknownPrediction: if there is none.
        """
        with self.database.read() as session:
            return _prediction(session, prediction_id)

    def predictions(self, prediction_ids: Sequence[str]) -> dict[str, Prediction]:
        """Logged predictions by id, in two queries; those that are forgotten are left out.

        Args:
            prediction_ids: some hundred at a time, as a pool has them.
        """
        with self.database.read() as session:
            rows = session.scalars(select(PredictionRow).where(PredictionRow.id.in_(prediction_ids))).all()
            wanted = select(LoggedModelRow).where(LoggedModelRow.digest.in_({row.model for row in rows}))
            models = {model.digest: model for model in session.scalars(wanted)}
            return {row.id: _told(row, models[row.model]) for row in rows}

    def add(
        self,
        prediction_id: str,
        labels: Sequence[str],
        who: str,
        sampled_p: float | None = None,
        replace: bool = False,
        opinion_shown: bool | None = None,
    ) -> Review:
        """Keep what a person heard in a prediction's clip.

        Args:
            labels: codes that are true; all of the model's others are false.
            sampled_p: as the review queue gave it.
            replace: take the place of a review that is there; the old one is kept in the audit trail. One that says the same stays.
            opinion_shown: whether the person had seen what the model heard; None where nobody knows.
        Raises:
            UnknownPrediction: if there is no such prediction.
            NotReviewable: if its clip could not be heard.
            Reviewed: if it has a review, which is not to be replaced.
            UnfitReview: if a label is none of the model's, or is there twice, or if `sampled_p` is not the content's lot.
        """
        with self.database.write() as session:
            about = _prediction(session, prediction_id, lock=True)
            content = _check(about, labels, sampled_p)
            row = session.get(ReviewRow, about.id)
            if row is not None and not replace:
                raise Reviewed(f"{row.reviewer} reviewed prediction {about.id} at {rfc3339(row.at)}: send replace to correct that")
            says = [code for code in about.labels if code in labels], plain(who)[:200], opinion_shown
            if row is None:
                row = ReviewRow(prediction_id=about.id, model=about.model, content=content, sampled_p=sampled_p)
                session.add(row)
            elif (row.labels, row.reviewer, row.opinion_shown) == says:  # a request that was repeated
                return _review(row, about.labels, about.decisions, about.at, about.source, about.audio_uri)
            else:
                before = {"labels": row.labels, "reviewer": row.reviewer, "at": rfc3339(row.at), "opinion_shown": row.opinion_shown}
                row.first_at = row.first_at or row.at
                model = session.scalar(select(ModelRow).where(ModelRow.digest == about.model))
                note(session, who, "review replaced", model, prediction=about.id, before=before, labels=list(labels))
            (row.labels, row.reviewer, row.opinion_shown), row.at = says, leases.clock(session)
            session.flush()
            return _review(row, about.labels, about.decisions, about.at, about.source, about.audio_uri)

    def list(self, model: str | None = None, since: datetime | None = None, until: datetime | None = None) -> "list[Review]":
        """Reviews, by content and then the oldest first.

        Args:
            model: a digest; of all models where none is given.
            since, until: only of clips that were scored from then on, and before then; reviews may be later.
        """
        columns = LoggedModelRow.labels, PredictionRow.decisions, PredictionRow.at, PredictionRow.source, PredictionRow.audio_uri
        query = select(ReviewRow, *columns).select_from(ReviewRow)
        query = query.join(PredictionRow, PredictionRow.id == ReviewRow.prediction_id)
        query = query.join(LoggedModelRow, LoggedModelRow.digest == ReviewRow.model)
        query = _of(query, model, since, until).order_by(ReviewRow.content, ReviewRow.at, ReviewRow.prediction_id)
        with self.database.read() as session:
            found = []
            for row, labels, packed, *about in session.execute(query):
                found.append(_review(row, labels, unpacked([packed], len(labels), FLAGS, 0)[:, 0], *about))
            return found

    def pool(self, model: str, since: datetime | None = None, most: int = MOST_ROWS) -> Pool:
        """What may be reviewed: clips that were heard and whose bytes may still be somewhere.

        Args:
            model: a digest.
            since: only what was scored from then on.
            most: of the newest predictions are looked at; where there are more, also those that the draw comes to next.
        """
        table = PredictionRow
        query = _of(select(table.content, table.id, table.scores).where(*_can_be_heard()), model, since)
        newest: dict[str, Any] = {}
        with self.database.read() as session:
            labels = tuple(session.scalar(select(LoggedModelRow.labels).where(LoggedModelRow.digest == model)) or ())
            connection, count = session.connection().execution_options(yield_per=CHUNK), 0
            for part in connection.execute(query.order_by(table.at.desc(), table.id).limit(most)).partitions():
                count += len(part)
                for row in part:
                    newest.setdefault(row[0], row)
            for row in connection.execute(_drawn(query)) if count == most else ():
                newest.setdefault(row[0], row)
        rows = newest.values()
        ids, scores = [row[1] for row in rows], [row[2] for row in rows]  # columns by name take ten times as long
        return Pool(labels, ids, list(newest), unpacked(scores, len(labels), FLOATS, np.nan).T)

    def reviewed(self, model: str) -> set[str]:
        """Contents of a model's predictions that have a review."""
        with self.database.read() as session:
            return set(session.scalars(select(ReviewRow.content).where(ReviewRow.model == model).distinct()))

    def contents(self, model: str, since: datetime | None = None) -> Iterator[tuple[str, datetime]]:
        """Every content that may be reviewed, and when the model first scored it in the period; its memory does not grow with the log."""
        query = select(PredictionRow.content, func.min(PredictionRow.at)).where(*_can_be_heard()).group_by(PredictionRow.content)
        with self.database.read() as session:
            for content, first in session.connection().execution_options(yield_per=CHUNK).execute(_of(query, model, since)):
                yield str(content), first

    def decisions(
        self, model: str, since: datetime | None = None
    ) -> Iterator[tuple[Sequence[str | None], Sequence[datetime], npt.NDArray[np.bool_]]]:
        """(contents, moments, decisions [row, label]) of the clips that were heard, the oldest first, in chunks."""
        query = select(PredictionRow.content, PredictionRow.at, PredictionRow.decisions)
        query = query.where(PredictionRow.error.is_(None), PredictionRow.decisions.is_not(None))
        query = _of(query, model, since).order_by(PredictionRow.at, PredictionRow.id)
        with self.database.read() as session:
            labels = session.scalar(select(LoggedModelRow.labels).where(LoggedModelRow.digest == model)) or []
            rows = session.connection().execution_options(yield_per=CHUNK).execute(query)
            for part in rows.partitions(CHUNK):
                contents, moments, packed = zip(*part, strict=True)
                yield contents, moments, unpacked(packed, len(labels), FLAGS, 0).astype(bool).T

    def labels(self, model: str) -> tuple[str, ...]:
        """The codes of a model that has scored."""
        with self.database.read() as session:
            return tuple(session.scalar(select(LoggedModelRow.labels).where(LoggedModelRow.digest == model)) or ())


def _can_be_heard() -> tuple[Any, ...]:
    heard = PredictionRow.error.is_(None), PredictionRow.scores.is_not(None), PredictionRow.content.is_not(None)
    return (*heard, or_(PredictionRow.audio_uri.is_not(None), PredictionRow.source.is_not(None)))


def _of(query: "Select[Any]", model: str | None, since: datetime | None, until: datetime | None = None) -> "Select[Any]":
    if model is not None:
        query = query.where(PredictionRow.model == model)
    if since is not None:
        query = query.where(PredictionRow.at >= since)
    return query if until is None else query.where(PredictionRow.at < until)


def _drawn(query: "Select[Any]") -> "Select[Any]":
    """Of a query's predictions the newest of each content that the draw comes to next, however often one of them was sent."""
    table = PredictionRow
    reviewed = select(ReviewRow.prediction_id).where(ReviewRow.model == table.model, ReviewRow.content == table.content).exists()
    of_each = query.with_only_columns(table.content, func.max(table.at).label("at")).where(~reviewed).group_by(table.content)
    first = of_each.order_by(table.content).limit(DRAWN).cte("first")
    found = query.join(first, (first.c.content == table.content) & (first.c.at == table.at))
    return found.where(table.at.in_(select(first.c.at))).order_by(table.content, table.id)  # for the join alone SQLite would read every row


def _prediction(session: Session, prediction_id: str, lock: bool = False) -> Prediction:
    wanted = select(PredictionRow).where(PredictionRow.id == prediction_id)
    row = session.scalar(wanted.with_for_update(key_share=True) if lock else wanted) if prediction_id.isprintable() else None
    if row is None:
        raise UnknownPrediction(f"no prediction {prediction_id[:80]!r} is logged here: take an id that an answer or the review queue gave")
    return _told(row, session.get_one(LoggedModelRow, row.model))


def _told(row: PredictionRow, model: LoggedModelRow) -> Prediction:
    values = {name: getattr(row, name) for name in COLUMNS}
    known = row.scores is not None and row.decisions is not None
    values["scores"] = unpacked([row.scores], len(model.labels), FLOATS, np.nan)[:, 0] if known else None
    values["decisions"] = unpacked([row.decisions], len(model.labels), FLAGS, 0)[:, 0].astype(bool) if known else None
    values["embedding"] = None if row.embedding is None else np.frombuffer(row.embedding, FLOATS)
    return Prediction(**values, model_key=model.key, labels=tuple(model.labels))


def _check(about: Prediction, labels: Sequence[str], sampled_p: float | None) -> str:
    """The content of a prediction that a review fits."""
    if about.error is not None or about.scores is None or about.content is None:
        raise NotReviewable(f"prediction {about.id} holds no scores, as its clip could not be heard: review another one")
    for place, code in enumerate(labels):
        if code not in about.labels:
            raise UnfitReview(f"the model {about.model_key} has no label {code[:80]!r}: {', '.join(about.labels)}", "labels", place)
        if code in labels[:place]:
            raise UnfitReview(f"the label {code!r} is there twice", "labels", place)
    if sampled_p is not None and sampled_p != lot(about.content):
        raise UnfitReview("this is not what the review queue gave for the prediction: send it as it came, or null", "sampled_p")
    return about.content


def _review(row: ReviewRow, known: Sequence[str], flags: Any, heard_at: datetime, source: str | None, audio_uri: str | None) -> Review:
    """A row with what its prediction says: `flags` are the model's decisions, [label], or None."""
    told = row.prediction_id, row.model, row.content, tuple(row.labels), tuple(known), row.reviewer, row.at, row.sampled_p
    decided = () if flags is None else tuple(code for code, flag in zip(known, flags, strict=True) if flag)
    return Review(*told, decided, heard_at, source, audio_uri, row.first_at, row.opinion_shown)
