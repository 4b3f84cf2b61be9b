"""From a key that a user typed to a row: an alias, `name@digest8`, an id, a digest or its start, or a bare name. Never a path."""

import difflib
import re

from sqlalchemy import ColumnElement, select
from sqlalchemy.orm import Session

from components.registry.errors import ArchivedModel, InactiveModel, UnknownModel
from components.registry.records import rfc3339
from components.registry.tables import AliasRow, ModelRow

PRODUCTION = "production"
LATEST = "latest"
SHADOW = "shadow"
ALIASES = (PRODUCTION, LATEST, SHADOW)
START = re.compile(r"[0-9a-fA-F]{8,64}")  # the start of a digest
LONGEST = 300
NEWEST = (ModelRow.created_at.desc(), ModelRow.id)
SERVABLE = (ModelRow.is_active.is_(True), ModelRow.archived_at.is_(None))


def production(session: Session) -> ModelRow | None:
    """What is in production."""
    return session.scalar(select(ModelRow).join(AliasRow).where(AliasRow.name == PRODUCTION))


def latest(session: Session) -> ModelRow | None:
    """The newest active model."""
    return session.scalar(select(ModelRow).where(*SERVABLE).order_by(*NEWEST).limit(1))


def shadow(session: Session) -> ModelRow | None:
    """The candidate that has passed the gate and is compared with production on reviewed clips."""
    return session.scalar(select(ModelRow).join(AliasRow).where(AliasRow.name == SHADOW))


def aliases(session: Session) -> dict[str, str]:
    """alias -> a model's id."""
    pairs = ((PRODUCTION, production(session)), (LATEST, latest(session)), (SHADOW, shadow(session)))
    return {alias: row.id for alias, row in pairs if row is not None}


def row_of(session: Session, key: str) -> ModelRow:
    """The row that a key means, whatever its state; of several with a bare name the newest that may be served.

    Raises:
        UnknownModel: if there is none, or if the start of a digest fits several.
    """
    if not key.isprintable() or len(key) > LONGEST:
        raise unknown(session, key)
    if key in ALIASES:
        find, state = {PRODUCTION: (production, "in production"), LATEST: (latest, "active"), SHADOW: (shadow, "in shadow")}[key]
        row = find(session)
        if row is None:
            raise UnknownModel(f"no model is {state} yet{_nearest(session, '')}{_advice(session, key)}")
        return row
    name, at, start = key.rpartition("@")
    found = _rows(session, ModelRow.digest == key.lower(), key) or _rows(session, ModelRow.id == key, key)
    if not found and at and START.fullmatch(start):
        found = _rows(session, (ModelRow.name == name) & ModelRow.digest.startswith(start.lower()), key)
    if not found:
        found = _rows(session, ModelRow.name == key, key, one=False)
    if not found and START.fullmatch(key):
        found = _rows(session, ModelRow.digest.startswith(key.lower()), key)
    if not found:
        raise unknown(session, key)
    return found[0]


def may_serve(row: ModelRow) -> ModelRow:
    """The row itself.

    Raises:
        ArchivedModel, InactiveModel: if it may not be served.
    """
    present(row)
    if not row.is_active:
        raise InactiveModel(f"model {row.key} is inactive{_why(row)}: promote it to put it in production")
    return row


def present(row: ModelRow) -> ModelRow:
    """The row itself; ArchivedModel where it is kept for audit only."""
    if row.archived_at is not None:
        raise ArchivedModel(f"model {row.key} was archived at {rfc3339(row.archived_at)} and is kept for audit only; name another")
    return row


def unknown(session: Session, key: str) -> UnknownModel:
    """The error for a key that nothing answers to; it names the nearest models."""
    shown = key if len(key) <= 80 else key[:80] + "..."
    return UnknownModel(f"the registry has no model {shown!r}{_nearest(session, key[:LONGEST])}")


def _rows(session: Session, condition: ColumnElement[bool], key: str, one: bool = True) -> list[ModelRow]:
    order = (ModelRow.archived_at.is_not(None), ModelRow.is_active.is_(False), *NEWEST)
    rows = list(session.scalars(select(ModelRow).where(condition).order_by(*order).limit(2)))
    if one and len(rows) > 1:
        raise UnknownModel(
            f"{key!r} is the start of several models, {rows[0].digest[:16]} and {rows[1].digest[:16]} among them: write more"
        )
    return rows


def _nearest(session: Session, key: str) -> str:
    keys = [row.key for row in session.scalars(select(ModelRow).where(ModelRow.archived_at.is_(None)).order_by(*NEWEST).limit(1000))]
    if not keys:
        return ": the registry is empty, so train a tagger first"
    close = difflib.get_close_matches(key, keys, n=3, cutoff=0.5) or keys[:3]
    return f"; it has {', '.join(close)}" + (f" and {len(keys) - len(close)} more" if len(keys) > len(close) else "")


def _advice(session: Session, alias: str) -> str:
    """What puts the newest model under an alias; the gate alone puts one in shadow."""
    newest = session.scalar(select(ModelRow).where(ModelRow.archived_at.is_(None)).order_by(*NEWEST).limit(1))
    return "" if newest is None or alias == SHADOW else f": `timbre models promote {newest.key}` puts it in production"


def _why(row: ModelRow) -> str:
    reason = str((row.decision or {}).get("reason", ""))
    return f" ({reason})" if reason and not (row.decision or {}).get("promote") else ""
