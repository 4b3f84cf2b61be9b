"""The candidate in shadow: which one, since when, how it was looked at, and how it ends. Each step is in the audit trail."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from components.registry import keys
from components.registry.database import Database
from components.registry.history import PROMOTED, leave_shadow, note, put_in_production
from components.registry.leases import clock
from components.registry.records import RegisteredModel, model_of
from components.registry.tables import AliasRow, AuditRow, ModelRow

LOOKED = "shadow looked at"


@dataclass(frozen=True)
class Shadowed:
    """A candidate beside what is in production; `looks` are the details of earlier looks at these two."""

    candidate: RegisteredModel
    production: RegisteredModel
    since: datetime
    now: datetime
    looks: tuple[dict[str, Any], ...]


class Shadow:
    """The shadow of a database.

    Raises:
        RegistryError: from every method, if the database is away, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def find(self) -> Shadowed | None:
        """What is in shadow; None where nothing is, or where nothing is in production to compare it with."""
        with self.database.read() as session:
            alias, row, current = session.get(AliasRow, keys.SHADOW), keys.shadow(session), keys.production(session)
            if alias is None or row is None or current is None:
                return None
            entries = session.scalars(select(AuditRow).where(AuditRow.model_id == row.id, AuditRow.action == LOOKED).order_by(AuditRow.id))
            looks = tuple(entry.detail for entry in entries if entry.detail.get("against") == current.digest)
            aliases = keys.aliases(session)
            return Shadowed(model_of(row, aliases), model_of(current, aliases), alias.changed_at, clock(session), looks)

    def looked(self, pair: Shadowed, who: str, **figures: Any) -> None:
        """Enter a look that left the question open."""
        with self.database.write() as session:
            note(session, who, LOOKED, session.get(ModelRow, pair.candidate.id), against=pair.production.digest, **figures)

    def promote(self, pair: Shadowed, who: str, reason: str, **figures: Any) -> bool:
        """Put the candidate in production; False where it, or production, is another by now."""
        return self._end(pair, who, reason, True, figures)

    def refuse(self, pair: Shadowed, who: str, reason: str, **figures: Any) -> bool:
        """End the shadow; the candidate stays inactive. False where it, or production, is another by now."""
        return self._end(pair, who, reason, False, figures)

    def _end(self, pair: Shadowed, who: str, reason: str, promote: bool, figures: dict[str, Any]) -> bool:
        with self.database.write() as session:
            row, current = keys.shadow(session), keys.production(session)
            if row is None or current is None or (row.id, current.id) != (pair.candidate.id, pair.production.id):
                return False
            if figures:
                note(session, who, LOOKED, row, against=current.digest, **figures)
            if promote:
                put_in_production(session, row, who, PROMOTED, reason)
            else:
                leave_shadow(session, row, who, reason)
            return True
