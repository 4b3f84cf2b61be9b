"""What is in production and what was before: changed here only, each change with an entry in the audit trail.

Moments are the database's, as those of reviews are, which they are compared with.
"""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from components.registry import leases
from components.registry.keys import PRODUCTION, SHADOW, production, shadow
from components.registry.records import plain
from components.registry.tables import AliasRow, AuditRow, ModelRow

PROMOTED = "promoted"
ROLLED_BACK = "rolled back"
SHADOWED, UNSHADOWED = "put in shadow", "shadow ended"


def note(session: Session, who: str, action: str, row: ModelRow | None, **detail: Any) -> None:
    """Add an entry to the audit trail."""
    about, at = None if row is None else row.id, leases.clock(session)
    session.add(AuditRow(at=at, who=plain(who)[:200], action=action, model_id=about, detail=plain(detail)))


def put_in_production(session: Session, row: ModelRow | None, who: str, action: str, reason: str) -> None:
    """Point `production` to the row, which becomes active; None leaves nothing in production."""
    before = production(session)
    alias = session.get(AliasRow, PRODUCTION)
    if row is None:
        if alias is not None:
            session.delete(alias)
    else:
        leave_shadow(session, row, who, action)
        row.is_active = True
        if alias is None:
            session.add(AliasRow(name=PRODUCTION, model_id=row.id, changed_at=leases.clock(session)))
        else:
            alias.model_id, alias.changed_at = row.id, leases.clock(session)
    note(session, who, action, row, before=None if before is None else before.digest, reason=reason)
    session.flush()


def put_in_shadow(session: Session, row: ModelRow, who: str, reason: str) -> None:
    """Point `shadow` to the row in the place of an older candidate; it stays inactive."""
    if (before := shadow(session)) is not None:
        leave_shadow(session, before, who, f"{row.key} is newer")
    session.add(AliasRow(name=SHADOW, model_id=row.id, changed_at=leases.clock(session)))
    note(session, who, SHADOWED, row, reason=reason)
    session.flush()


def leave_shadow(session: Session, row: ModelRow, who: str, reason: str) -> None:
    """Take `shadow` away from the row, where it points there."""
    alias = session.get(AliasRow, SHADOW)
    if alias is not None and alias.model_id == row.id:
        session.delete(alias)
        note(session, who, UNSHADOWED, row, reason=reason)
        session.flush()


def former(session: Session) -> list[ModelRow]:
    """What a roll-back may go to, newest first: models that were in production before this one and may still be served."""
    stack: list[str] = []
    entries = session.scalars(select(AuditRow).where(AuditRow.action.in_((PROMOTED, ROLLED_BACK))).order_by(AuditRow.id))
    for entry in entries:
        if entry.action == PROMOTED and entry.model_id is not None:
            stack.append(entry.model_id)
        elif entry.model_id in stack:
            while stack[-1] != entry.model_id:
                stack.pop()
        else:
            stack.clear()
    now = production(session)
    candidates = [model_id for model_id in reversed(stack) if now is None or model_id != now.id]
    rows = {row.id: row for row in session.scalars(select(ModelRow).where(ModelRow.id.in_(candidates)))}
    servable = [rows[model_id] for model_id in dict.fromkeys(candidates) if model_id in rows]
    return [row for row in servable if row.is_active and row.archived_at is None]
