"""The prediction log in the SQL database: written in batches, read as one wide table, forgotten by content or age."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import CursorResult, Select, delete, func, select, tuple_
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from components.registry.database import Database
from components.registry.leases import clock
from components.registry.prediction import Prediction, values_of
from components.registry.tables import LoggedModelRow, PredictionRow, ReviewRow

if TYPE_CHECKING:
    import pandas as pd

INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
ROWS_A_STATEMENT = 1000  # SQLite takes 32,766 values
DELETED_AT_ONCE = 1000


@dataclass(frozen=True)
class LoggedModel:
    """A model that has scored: its digest, its key when it last did, its labels' codes, and how many predictions are kept of when."""

    digest: str
    key: str
    labels: tuple[str, ...]
    predictions: int
    first_at: datetime | None
    last_at: datetime | None


def leave(_uri: str) -> None:
    """Kept audio is nobody's to remove."""


class Predictions:
    """The prediction log of a database.

    Raises:
        RegistryError: from every method, if the database is away, locked for too long, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self._known: set[tuple[str, str]] = set()

    def add(self, predictions: Sequence[Prediction]) -> None:
        """Write rows, all or none; those that are there already stay as they are, so a batch may be sent again."""
        models = {(one.model, one.model_key): one for one in predictions}
        fresh = sorted(models.keys() - self._known)
        self._known -= models.keys()  # until these rows are there: who restores a database may take its models away
        with self.database.write(in_turn=False) as session:
            insert = INSERTS[session.get_bind().dialect.name]
            for digest, key in fresh:
                labels = list(models[digest, key].labels)
                row = insert(LoggedModelRow).values(digest=digest, key=key, labels=labels)
                session.execute(row.on_conflict_do_update(index_elements=["digest"], set_={"key": key}))
            statement = insert(PredictionRow).on_conflict_do_nothing(index_elements=["id"])
            for first in range(0, len(predictions), ROWS_A_STATEMENT):
                session.connection().execute(statement, [values_of(one) for one in predictions[first : first + ROWS_A_STATEMENT]])
        self._known |= models.keys()

    def frame(self, model: str, since: datetime | None = None, until: datetime | None = None) -> "pd.DataFrame":
        """A model's predictions, the oldest first, a row a clip.

        Columns: `id, at, model, request_id, caller, content, source, audio_uri, latency_ms, error`; the inputs `duration_s, sample_rate,
        channels, loudness_lufs, peak_db, silent_share, clipped_share`; `score_<code>`, `decision_<code>`, `embedding_00` to
        `embedding_31`. A clip that failed has an `error`, NaN for scores and 0 for decisions. A million rows of 20 labels take 0.7 GB.

        Args:
            model: a digest.
            since, until: the first moment, and the first that is left out.
        """
        from components.registry.prediction_frame import frame_of

        with self.database.read() as session:
            labels = session.scalar(select(LoggedModelRow.labels).where(LoggedModelRow.digest == model)) or []
            return frame_of(session, _chosen(model, since, until), model, labels)

    def count(self, model: str | None = None, since: datetime | None = None, until: datetime | None = None) -> int:
        """How many are kept, of one model or of all."""
        with self.database.read() as session:
            return session.scalar(_between(select(func.count()).select_from(PredictionRow), model, since, until)) or 0

    def last(self, limit: int, model: str | None = None) -> list[Prediction]:
        """The newest, without what is packed."""
        columns = [column for column in PredictionRow.__table__.columns if column.key not in ("scores", "decisions", "embedding")]
        query = select(*columns, LoggedModelRow.key.label("model_key"), LoggedModelRow.labels).join(LoggedModelRow)
        with self.database.read() as session:
            newest = _between(query, model, None, None).order_by(PredictionRow.at.desc(), PredictionRow.id).limit(limit)
            rows = session.execute(newest).mappings().all()
        return [Prediction(**{**row, "labels": tuple(row["labels"])}) for row in rows]

    def models_seen(self) -> list[LoggedModel]:
        """Every model that has scored, the one that did last first."""
        rows = PredictionRow.model.label("model"), func.count().label("rows"), func.min(PredictionRow.at), func.max(PredictionRow.at)
        with self.database.read() as session:
            seen = {model: told for model, *told in session.execute(select(*rows).group_by(PredictionRow.model))}
            models = [
                LoggedModel(row.digest, row.key, tuple(row.labels), *seen.get(row.digest, (0, None, None)))
                for row in session.scalars(select(LoggedModelRow))
            ]
        return sorted(models, key=lambda one: (one.last_at is not None, one.last_at and one.last_at.timestamp()), reverse=True)

    def logged_among(self, contents: Sequence[str]) -> set[str]:
        """Those of some BLAKE3s that a prediction is of."""
        with self.database.read() as session:
            found = session.scalars(select(PredictionRow.content).where(PredictionRow.content.in_(contents)).distinct())
            return {content for content in found if content is not None}

    def clock(self) -> datetime:
        """The database's time, which is right where a machine's own may jump."""
        with self.database.read() as session:
            return clock(session)

    def delete_content(self, content: str, drop_audio: Callable[[str], None] = leave) -> int:
        """Forget every prediction of a file's bytes, and what people said of them; how many predictions there were.

        Args:
            drop_audio: removes what is kept at an `audio_uri`; where it raises OSError, rows that name it stay.
        Raises:
            OSError: the first that `drop_audio` raised, when all else is forgotten.
        """
        return sum(self._batches(select(PredictionRow.id).where(PredictionRow.content == content), drop_audio))

    def delete_before(self, moment: datetime, drop_audio: Callable[[str], None] = leave) -> int:
        """Forget what is older, in small transactions; how many there were. Audio goes with the last prediction of it.

        What people have reviewed stays: it is worth their time, and goes with `delete_content` alone. A review or a prediction that
        comes while its audio is being removed stays without it.

        Raises:
            OSError: as in `delete_content`.
        """
        reviewed = select(ReviewRow.prediction_id).where(ReviewRow.prediction_id == PredictionRow.id).exists()
        return sum(self._batches(select(PredictionRow.id).where(PredictionRow.at < moment, ~reviewed), drop_audio))

    def _batches(self, doomed: "Select[tuple[str]]", drop_audio: Callable[[str], None]) -> Iterator[int]:
        """Rows whose audio others name go at once; the last that name it go when it is removed, so that it can be found until then.

        No audio is removed while others wait to write; in turn, because two that forget would each count on the other's rows to stay.
        """
        count, order, failed = DELETED_AT_ONCE, (PredictionRow.at, PredictionRow.id), list[OSError]()
        rest = doomed.add_columns(PredictionRow.content, PredictionRow.audio_uri, PredictionRow.at).order_by(*order)
        batch = rest.limit(DELETED_AT_ONCE)
        while count == DELETED_AT_ONCE:
            with self.database.write() as session:
                rows = session.execute(batch).all()
                orphans = set(_orphans(session, rows))
                gone = _delete(session, [row.id for row in rows if row.audio_uri not in orphans])
            for uri in tuple(orphans):
                with self.database.read() as session:  # somebody may have sent the clip again, as removing others took its time
                    still = _orphans(session, [row for row in rows if row.audio_uri == uri])
                try:
                    if still:
                        drop_audio(uri)
                except OSError as error:
                    failed.append(error)
                    orphans.remove(uri)  # its rows stay, to find it by
            last = [row.id for row in rows if row.audio_uri in orphans]
            if last:
                with self.database.write() as session:
                    gone += _delete(session, doomed.where(PredictionRow.id.in_(last)))
            if rows:
                batch = rest.where(tuple_(*order) > tuple_(rows[-1].at, rows[-1].id)).limit(DELETED_AT_ONCE)
            count = len(rows)
            yield gone
        if failed:
            raise failed[0]


def _delete(session: Session, ids: "Sequence[str] | Select[tuple[str]]") -> int:
    gone: CursorResult[Any] = session.connection().execute(delete(PredictionRow).where(PredictionRow.id.in_(ids)))
    return gone.rowcount


def _orphans(session: Session, rows: Sequence[Any]) -> list[str]:
    """Where audio lies that no row names but these."""
    audio = {row.audio_uri: row.content for row in rows if row.audio_uri is not None}
    others = select(PredictionRow.audio_uri).where(PredictionRow.content.in_(set(audio.values())), PredictionRow.audio_uri.is_not(None))
    others = others.where(PredictionRow.id.not_in([row.id for row in rows])).distinct()
    still = set(session.scalars(others)) if audio else set()
    return [uri for uri in audio if uri not in still]


def _chosen(model: str, since: datetime | None, until: datetime | None) -> "Select[Any]":
    return _between(select(PredictionRow.__table__), model, since, until).order_by(PredictionRow.at, PredictionRow.id)


def _between(query: "Select[Any]", model: str | None, since: datetime | None, until: datetime | None) -> "Select[Any]":
    if model is not None:
        query = query.where(PredictionRow.model == model)
    if since is not None:
        query = query.where(PredictionRow.at >= since)
    return query if until is None else query.where(PredictionRow.at < until)
