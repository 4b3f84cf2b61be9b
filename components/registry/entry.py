"""How a tagger enters the registry: row, decision, aliases and audit in one transaction, once a digest."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from components.errors import RegistryError
from components.registry import keys
from components.registry.database import Database
from components.registry.errors import JobCancelled
from components.registry.folders import Sealed
from components.registry.history import PROMOTED, note, put_in_production, put_in_shadow
from components.registry.records import Card, Decision, RegisteredModel, model_of, plain
from components.registry.tables import JobRow, ModelRow

Gate = Callable[[RegisteredModel | None], Decision]
TRIES = 5


@dataclass(frozen=True)
class Entry:
    """What is known of a tagger when it enters."""

    sealed: Sealed
    card: Card
    name: str
    description: str = ""
    training_job_id: str | None = None


def enter(database: Database, entry: Entry, gate: Gate, who: str) -> RegisteredModel:
    """The model of the entry's digest: as it is, where the gate has decided before; else by the gate's word.

    The gate may take minutes, so it is asked outside the transaction, and again where production has changed meanwhile.
    """
    for _ in range(TRIES):
        with database.read() as session:
            if (known := _settled(session, entry)) is not None:
                return known
            before = keys.production(session)
            judged_against = None if before is None else model_of(before, keys.aliases(session))
        decision = gate(judged_against)
        with database.write() as session:
            if (known := _settled(session, entry)) is not None:
                return known
            refuse_cancelled(session, entry.training_job_id)
            current = keys.production(session)
            if (None if current is None else current.id) != (None if judged_against is None else judged_against.id):
                continue
            row = _write(session, entry)
            row.decision = plain(asdict(decision))
            note(session, who, "registered", row, decision=row.decision)
            if decision.promote:
                put_in_production(session, row, who, PROMOTED, decision.reason)
            elif decision.shadow:
                put_in_shadow(session, row, who, decision.reason)
            session.flush()
            return model_of(row, keys.aliases(session))
    raise RegistryError(f"production changed {TRIES} times while {entry.name} was compared with it: register it again")


def adopt(database: Database, entry: Entry, who: str) -> RegisteredModel:
    """The model of the entry's digest; where it has no row yet, inactive and with no word from the gate."""
    with database.write() as session:
        row = _row(session, entry)
        if row is None:
            row = _write(session, entry)
            note(session, who, "adopted", row)
        session.flush()
        return model_of(row, keys.aliases(session))


def refuse_cancelled(session: Session, training_job_id: str | None) -> None:
    """Nothing of a job that someone has cancelled is registered, however far it came meanwhile.

    Raises:
        JobCancelled: if that is so.
    """
    job = None if training_job_id is None else session.get(JobRow, training_job_id)
    if job is not None and job.cancel_requested:
        raise JobCancelled("this training job was cancelled: its tagger is not registered")


def _row(session: Session, entry: Entry) -> ModelRow | None:
    return session.scalar(select(ModelRow).where(ModelRow.digest == entry.sealed.digest))


def _settled(session: Session, entry: Entry) -> RegisteredModel | None:
    """The model, if the gate or a person has settled what it is."""
    row, current = _row(session, entry), keys.production(session)
    if row is None or (row.decision is None and row.archived_at is None and (current is None or current.id != row.id)):
        return None
    return model_of(row, keys.aliases(session))


def _write(session: Session, entry: Entry) -> ModelRow:
    row = _row(session, entry)
    if row is None:
        about = entry.sealed.about
        row = ModelRow(digest=entry.sealed.digest, name=entry.name, is_active=False)
        row.labels, row.task = _codes(about, entry.name), str(about.get("task", "multilabel"))
        session.add(row)
    row.description = row.description or plain(entry.description)  # a person may have described an adopted one
    row.training_job_id = entry.training_job_id
    row.eval_metrics, row.card = plain(entry.card.eval_metrics), plain(entry.card.details)
    row.split, row.data_digest = entry.card.split, entry.card.data_digest
    session.flush()
    return row


def _codes(about: dict[str, Any], where: str) -> list[str]:
    try:
        return [str(label["code"]) for label in about["label_set"]["labels"]]
    except (KeyError, TypeError):
        raise RegistryError(f"the tagger.json of {where} names no label set: seal the tagger again") from None
