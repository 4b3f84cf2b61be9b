"""Episodes of drift in the SQL database: when one began, how long it lasts, and who was told of it.

Writers take turns, so two runs over the same period neither begin an episode twice nor tell of it twice.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from components.registry.database import Database
from components.registry.history import note
from components.registry.leases import clock
from components.registry.records import plain
from components.registry.tables import AlertRow, EpisodeRow, ModelRow, WatchedRow

DRIFT, NO_DRIFT = "drift", "no drift"
OPEN, RECOVERED, REPLACED = "open", "recovered", "replaced"
BEGAN, ENDED = "began", "ended"
CLAIM_S = 300.0  # longer than any sending takes
MOST_PERIODS = 100  # whose labels are kept
TOLD_WITHIN = timedelta(days=7)  # what ended before is no news
LEAST_NEW = timedelta(minutes=1)


class Observation(BaseModel):
    """What was seen of a model in a period.

    Attributes:
        model: a digest; `model_key` is `name@digest8`.
        watched_as: the name that was asked for, as `production`; where it comes to mean another model, the episode ends.
        labels: codes that drifted.
        kind: of the watch; each has episodes of its own.
    """

    model_config = ConfigDict(frozen=True)

    model: str
    model_key: str
    watched_as: str
    since: datetime | None
    until: datetime
    state: Literal["drift", "no drift", "too little data"]
    sentence: str
    labels: tuple[str, ...] = ()
    kind: str = DRIFT


@dataclass(frozen=True)
class Episode:
    """An episode at the moment of asking; see `EpisodeRow` for what is what."""

    id: int
    model: str
    model_key: str
    kind: str
    watched_as: str
    state: str
    began_at: datetime
    last_at: datetime
    ended_at: datetime | None
    periods: int
    counted_at: datetime
    labels: tuple[tuple[str, ...], ...]
    sentence: str
    last_sentence: str


@dataclass(frozen=True)
class Watched:
    """The last period of a model, and the labels that drift where an episode is open."""

    model_key: str
    kind: str
    until: datetime
    state: str
    drifts: bool
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Alert:
    """Of an episode's beginning or end, by a channel."""

    episode: Episode
    event: str
    channel: str


class Episodes:
    """The episodes of a database.

    Raises:
        RegistryError: from every method, if the database is away, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def take(self, seen: Observation, who: str) -> Episode | None:
        """Enter a period: the first that drifts begins an episode, the first that does not ends it; too little data changes nothing.

        A period that ended before the last one that was entered changes nothing either.

        Returns:
            the episode that is open now, or ended by this period.
        """
        with self.database.write() as session:
            if not _is_newest(session, seen):
                return None
            self._replace(session, seen, who)
            row = _open(session, seen.model, seen.kind)
            if seen.state == DRIFT:
                row = _begin(session, seen, who) if row is None else _go_on(row, seen)
            elif seen.state == NO_DRIFT and row is not None:
                _end(session, row, RECOVERED, seen.until, who)
            session.flush()
            return None if row is None else _episode(row)

    def open(self, model: str, kind: str = DRIFT) -> Episode | None:
        """A model's episode that has not ended."""
        with self.database.read() as session:
            row = _open(session, model, kind)
            return None if row is None else _episode(row)

    def list(self, limit: int = 50) -> tuple[Episode, ...]:
        """The newest first."""
        with self.database.read() as session:
            rows = session.scalars(select(EpisodeRow).order_by(EpisodeRow.began_at.desc(), EpisodeRow.id.desc()).limit(limit))
            return tuple(_episode(row) for row in rows)

    def watched(self) -> tuple[Watched, ...]:
        """The last period of each model that is watched."""
        with self.database.read() as session:
            drifting = {(row.model, row.kind): row for row in session.scalars(select(EpisodeRow).where(EpisodeRow.state == OPEN))}
            return tuple(
                Watched(
                    row.model_key,
                    row.kind,
                    row.until,
                    row.state,
                    (row.model, row.kind) in drifting,
                    tuple(drifting[row.model, row.kind].labels[-1]) if (row.model, row.kind) in drifting else (),
                )
                for row in session.scalars(select(WatchedRow).order_by(WatchedRow.model_key, WatchedRow.kind))
            )

    def due(self, channel: str) -> tuple[Alert, ...]:
        """What a channel has not told: the beginning of open episodes, and the end of those of whose beginning it told or tried to."""
        with self.database.read() as session:
            fresh = clock(session) - TOLD_WITHIN
            rows = session.scalars(
                select(EpisodeRow).where((EpisodeRow.state == OPEN) | (EpisodeRow.ended_at >= fresh)).order_by(EpisodeRow.id)
            )
            alerts = [Alert(_episode(row), BEGAN if row.state == OPEN else ENDED, channel) for row in rows]
            return tuple(alert for alert in alerts if _is_due(session, alert))

    def claim(self, alert: Alert) -> bool:
        """Whether it is yours to send: not told yet, still true, and nobody else's for the next minutes."""
        with self.database.write() as session:
            moment = clock(session)
            row = session.get(AlertRow, (alert.episode.id, alert.event, alert.channel))
            episode = session.get(EpisodeRow, alert.episode.id)
            if episode is None or (alert.event == BEGAN) != (episode.state == OPEN):
                return False
            if row is None:
                row = AlertRow(episode_id=alert.episode.id, event=alert.event, channel=alert.channel, tries=0)
                session.add(row)
            elif row.told_at is not None or (row.claimed_until is not None and row.claimed_until > moment):
                return False
            row.tries, row.claimed_until = row.tries + 1, moment + timedelta(seconds=CLAIM_S)
            return True

    def told(self, alert: Alert, who: str) -> None:
        """It was sent."""
        with self.database.write() as session:
            row = session.get_one(AlertRow, (alert.episode.id, alert.event, alert.channel))
            row.told_at, row.claimed_until, row.error = clock(session), None, None
            model = _registered(session, alert.episode.model)
            note(session, who, "drift told", model, episode=alert.episode.id, event=alert.event, channel=alert.channel)

    def failed(self, alert: Alert, error: str) -> None:
        """It could not be sent: whoever comes next may try."""
        with self.database.write() as session:
            row = session.get_one(AlertRow, (alert.episode.id, alert.event, alert.channel))
            row.claimed_until, row.error = None, plain(error)

    def _replace(self, session: Session, seen: Observation, who: str) -> None:
        """End the episodes of models that the name meant before; they are not watched any more."""
        same_name = (EpisodeRow.watched_as == seen.watched_as) & (EpisodeRow.kind == seen.kind) & (EpisodeRow.model != seen.model)
        for row in session.scalars(select(EpisodeRow).where(same_name, EpisodeRow.state == OPEN)):
            _end(session, row, REPLACED, seen.until, who)
        session.execute(
            delete(WatchedRow).where(WatchedRow.watched_as == seen.watched_as, WatchedRow.kind == seen.kind, WatchedRow.model != seen.model)
        )


def _is_newest(session: Session, seen: Observation) -> bool:
    """Whether no later period was entered; it is entered then."""
    row = session.get(WatchedRow, (seen.model, seen.kind))
    if row is None:
        row = WatchedRow(model=seen.model, kind=seen.kind)
        session.add(row)
    elif seen.until < row.until <= clock(session):  # one that ends later than now was told by a clock that was wrong
        return False
    row.watched_as = _watched_as(row.watched_as, seen)
    row.model_key, row.until, row.state = plain(seen.model_key), seen.until, seen.state
    return True


def _watched_as(before: str | None, seen: Observation) -> str:
    """The name that a model is watched by: one that may come to mean another model, once it was asked for, and not the model's own."""
    if before is None or before in (seen.model, seen.model_key):
        return str(plain(seen.watched_as))[:300]
    return before


def _begin(session: Session, seen: Observation, who: str) -> EpisodeRow:
    sentence = plain(seen.sentence)
    row = EpisodeRow(
        model=seen.model,
        model_key=plain(seen.model_key),
        kind=seen.kind,
        watched_as=plain(seen.watched_as)[:300],
        state=OPEN,
        began_at=seen.until,
        last_at=seen.until,
        periods=1,
        counted_at=seen.until,
        labels=[plain(list(seen.labels))],
        sentence=sentence,
        last_sentence=sentence,
    )
    session.add(row)
    session.flush()
    note(session, who, f"{seen.kind} began", _registered(session, seen.model), episode=row.id, reason=sentence)
    return row


def _go_on(row: EpisodeRow, seen: Observation) -> EpisodeRow:
    """Another period; it counts where at least half of it comes after the last that counted, or where that was none of its time."""
    fresh = seen.until - row.counted_at
    if fresh < timedelta(0) or fresh >= max(LEAST_NEW, (seen.until - (seen.since or row.counted_at)) / 2):
        row.periods, row.counted_at = row.periods + 1, seen.until
        row.labels = [*row.labels, plain(list(seen.labels))][-MOST_PERIODS:]
    else:
        row.labels = [*row.labels[:-1], plain(list(seen.labels))]
    row.watched_as = _watched_as(row.watched_as, seen)
    row.last_at, row.last_sentence, row.model_key = seen.until, plain(seen.sentence), plain(seen.model_key)
    return row


def _end(session: Session, row: EpisodeRow, state: str, moment: datetime, who: str) -> None:
    row.state, row.ended_at = state, moment
    note(session, who, f"{row.kind} ended", _registered(session, row.model), episode=row.id, reason=state)


def _open(session: Session, model: str, kind: str) -> EpisodeRow | None:
    mine = (EpisodeRow.model == model) & (EpisodeRow.kind == kind) & (EpisodeRow.state == OPEN)
    return session.scalar(select(EpisodeRow).where(mine).order_by(EpisodeRow.id).limit(1))


def _is_due(session: Session, alert: Alert) -> bool:
    row = session.get(AlertRow, (alert.episode.id, alert.event, alert.channel))
    if row is not None and row.told_at is not None:
        return False
    return alert.event == BEGAN or session.get(AlertRow, (alert.episode.id, BEGAN, alert.channel)) is not None


def _registered(session: Session, digest: str) -> ModelRow | None:
    return session.scalar(select(ModelRow).where(ModelRow.digest == digest))


def _episode(row: EpisodeRow) -> Episode:
    columns = {column.key: getattr(row, column.key) for column in EpisodeRow.__table__.columns}
    labels: Sequence[Sequence[str]] = columns.pop("labels")
    return Episode(**columns, labels=tuple(tuple(codes) for codes in labels))
