"""The SQL tables: models, aliases, keys and rates, jobs, audit trail, predictions, reviews, drift. A change here needs a revision."""

import uuid
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, DateTime, Dialect, Double, ForeignKey, Index, LargeBinary, MetaData, String, Text, UniqueConstraint
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

# Constraints need names of their own, so that a later revision can alter them on both databases.
NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_name)s",
    "uq": "uq_%(table_name)s_%(column_0_name)s",
    "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

JSON_TYPE = JSON(none_as_null=True).with_variant(JSONB(none_as_null=True), "postgresql")


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC that comes back with its zone; SQLite stores it without one."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"{value} has no time zone: use datetime.now(UTC)")
        return value.astimezone(UTC).replace(tzinfo=None) if dialect.name == "sqlite" else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def now() -> datetime:
    return datetime.now(UTC)


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMES)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy reads it from the class
        datetime: UtcDateTime,
        dict[str, Any]: JSON_TYPE,
        list[str]: JSON_TYPE,
    }


class ModelRow(Base):
    """A registered tagger. Rows are archived, never deleted."""

    __tablename__ = "models"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    name: Mapped[str] = mapped_column(String(200), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    labels: Mapped[list[str]]
    task: Mapped[str] = mapped_column(String(40))
    training_job_id: Mapped[str | None] = mapped_column(String(64), index=True)
    is_active: Mapped[bool]
    archived_at: Mapped[datetime | None]
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    eval_metrics: Mapped[dict[str, Any]]
    split: Mapped[str] = mapped_column(String(40))
    data_digest: Mapped[str] = mapped_column(String(64))
    card: Mapped[dict[str, Any]]
    decision: Mapped[dict[str, Any] | None]  # none: the gate has not seen it yet

    @property
    def key(self) -> str:
        return f"{self.name}@{self.digest[:8]}"


class AliasRow(Base):
    """A name that points to one model. `latest` is not here: it follows from the models."""

    __tablename__ = "aliases"

    name: Mapped[str] = mapped_column(String(40), primary_key=True)
    model_id: Mapped[str] = mapped_column(ForeignKey("models.id"), index=True)
    changed_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)


class ApiKeyRow(Base):
    """An API key without its secret. Rows are revoked, never deleted."""

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    prefix: Mapped[str] = mapped_column(String(8), unique=True)
    sha256: Mapped[str] = mapped_column(String(64))  # of the whole secret
    name: Mapped[str] = mapped_column(String(100), index=True)
    scopes: Mapped[list[str]]
    per_minute: Mapped[int]
    created_at: Mapped[datetime] = mapped_column(default=now)
    last_used_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]


class RateWindowRow(Base):
    """How far a key has used its minute up: one row a key, however often it asks."""

    __tablename__ = "rate_windows"

    key_id: Mapped[int] = mapped_column(ForeignKey("api_keys.id"), primary_key=True)
    free_at: Mapped[float] = mapped_column(Double)  # Unix time in seconds at which nothing of what was used counts any more


class JobRow(Base):
    """A training: queued and leased by workers, or run by hand. Rows are never deleted."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("owner", "idempotency_key", name="uq_jobs_owner_key"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=lambda: str(uuid.uuid4()))
    state: Mapped[str] = mapped_column(String(20), index=True)
    config: Mapped[str] = mapped_column(String(100))
    overrides: Mapped[list[str]]
    owner: Mapped[str] = mapped_column(String(200))
    idempotency_key: Mapped[str | None] = mapped_column(String(200))
    by_hand: Mapped[bool]  # no worker's: it is never queued again
    created_at: Mapped[datetime] = mapped_column(default=now, index=True)
    started_at: Mapped[datetime | None]
    finished_at: Mapped[datetime | None]
    attempts: Mapped[int] = mapped_column(default=0)
    token: Mapped[str | None] = mapped_column(String(36), unique=True)  # of the lease; another one each time
    worker: Mapped[str | None] = mapped_column(String(200))
    lease_until: Mapped[datetime | None]
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    step: Mapped[int | None]
    steps: Mapped[int | None]
    epoch: Mapped[int | None]
    epochs: Mapped[int | None]
    metrics: Mapped[dict[str, Any]] = mapped_column(default=dict)
    run: Mapped[str | None] = mapped_column(String(300))
    log_tail: Mapped[str] = mapped_column(Text, default="")
    error: Mapped[str | None] = mapped_column(Text)
    model_id: Mapped[str | None] = mapped_column(ForeignKey("models.id"))


class AuditRow(Base):
    """Who did what to which model, and when. Rows are only ever added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(default=now, index=True)
    who: Mapped[str] = mapped_column(String(200))
    action: Mapped[str] = mapped_column(String(40))
    model_id: Mapped[str | None] = mapped_column(ForeignKey("models.id"), index=True)
    detail: Mapped[dict[str, Any]]


class LoggedModelRow(Base):
    """A model that has scored, registered here or not, with what its packed numbers stand for."""

    __tablename__ = "logged_models"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    key: Mapped[str] = mapped_column(String(300))
    labels: Mapped[list[str]]  # codes, in the order of every packed column


class PredictionRow(Base):
    """A clip that was scored, or failed; the numbers of a label are packed, float32 little-endian, decisions uint8."""

    __tablename__ = "predictions"
    __table_args__ = (Index("ix_predictions_model_at", "model", "at"),)

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    model: Mapped[str] = mapped_column(ForeignKey("logged_models.digest"))
    request_id: Mapped[str] = mapped_column(String(64))
    caller: Mapped[str] = mapped_column(String(200))
    content: Mapped[str | None] = mapped_column(String(64), index=True)  # sha256 of the file's bytes
    source: Mapped[str | None] = mapped_column(Text)
    audio_uri: Mapped[str | None] = mapped_column(Text)
    duration_s: Mapped[float | None] = mapped_column(Double)
    sample_rate: Mapped[int | None]
    channels: Mapped[int | None]
    loudness_lufs: Mapped[float | None] = mapped_column(Double)
    peak_db: Mapped[float | None] = mapped_column(Double)
    silent_share: Mapped[float | None] = mapped_column(Double)
    clipped_share: Mapped[float | None] = mapped_column(Double)
    scores: Mapped[bytes | None] = mapped_column(LargeBinary)
    decisions: Mapped[bytes | None] = mapped_column(LargeBinary)
    embedding: Mapped[bytes | None] = mapped_column(LargeBinary)
    latency_ms: Mapped[float] = mapped_column(Double)
    error: Mapped[str | None] = mapped_column(Text)


class ReviewRow(Base):
    """What a person heard in a clip that was scored. It goes with its prediction."""

    __tablename__ = "reviews"
    __table_args__ = (Index("ix_reviews_model_content", "model", "content"),)

    prediction_id: Mapped[str] = mapped_column(ForeignKey("predictions.id", ondelete="CASCADE"), primary_key=True)
    model: Mapped[str] = mapped_column(ForeignKey("logged_models.digest"))
    content: Mapped[str] = mapped_column(String(64), index=True)
    labels: Mapped[list[str]]  # codes that are true; the model's others are false
    reviewer: Mapped[str] = mapped_column(String(200))
    at: Mapped[datetime]
    sampled_p: Mapped[float | None] = mapped_column(Double)  # how far the draw had come; none: chosen for another reason
    first_at: Mapped[datetime | None]  # of the prediction's first review; none: this is it
    opinion_shown: Mapped[bool | None]  # whether the person had seen what the model heard; none: nobody knows


class WatchedRow(Base):
    """The last period in which a model was watched: one row a model and kind of watch."""

    __tablename__ = "drift_watched"

    model: Mapped[str] = mapped_column(String(64), primary_key=True)  # a digest; it need not be registered
    kind: Mapped[str] = mapped_column(String(40), primary_key=True)
    model_key: Mapped[str] = mapped_column(String(300))
    watched_as: Mapped[str] = mapped_column(String(300))  # the name that was asked for, as `production`
    until: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(20))


class EpisodeRow(Base):
    """From the first period of a model that drifts to the first that does not."""

    __tablename__ = "drift_episodes"
    __table_args__ = (Index("ix_drift_episodes_model_kind", "model", "kind"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model: Mapped[str] = mapped_column(String(64))
    model_key: Mapped[str] = mapped_column(String(300))
    kind: Mapped[str] = mapped_column(String(40))
    watched_as: Mapped[str] = mapped_column(String(300))
    state: Mapped[str] = mapped_column(String(20))
    began_at: Mapped[datetime] = mapped_column(index=True)
    last_at: Mapped[datetime]  # end of the last period that drifted
    ended_at: Mapped[datetime | None]
    periods: Mapped[int]  # that drifted and do not overlap by more than half
    counted_at: Mapped[datetime]  # end of the last of these
    labels: Mapped[list[list[str]]] = mapped_column(JSON_TYPE)  # that drifted in each of these, the oldest first
    sentence: Mapped[str] = mapped_column(Text)  # of the first period
    last_sentence: Mapped[str] = mapped_column(Text)


class AlertRow(Base):
    """That somebody is to be told of an episode's beginning or end, once a channel."""

    __tablename__ = "drift_alerts"

    episode_id: Mapped[int] = mapped_column(ForeignKey("drift_episodes.id"), primary_key=True)
    event: Mapped[str] = mapped_column(String(20), primary_key=True)
    channel: Mapped[str] = mapped_column(String(20), primary_key=True)
    tries: Mapped[int]
    claimed_until: Mapped[datetime | None]  # nobody else sends it before
    told_at: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)  # of the last try
