"""When a training job may be leased, and when nobody works on it any more; told by the database's clock."""

from datetime import UTC, datetime

from sqlalchemy import ColumnElement, and_, or_, text
from sqlalchemy.orm import Session

from components.registry.job import QUEUED, RUNNING
from components.registry.tables import JobRow, now

ATTEMPTS = 3


def clock(session: Session) -> datetime:
    """The database's time, in UTC."""
    if session.get_bind().dialect.name == "postgresql":
        moment: datetime = session.execute(text("SELECT clock_timestamp()")).scalar_one()
        return moment.astimezone(UTC)  # it comes in the zone that the server is set to
    return now()


def open_at(moment: datetime) -> ColumnElement[bool]:
    """Jobs that may be leased; those that are dead by then are among them."""
    return or_(JobRow.state == QUEUED, run_out_at(moment))


def dead_at(moment: datetime) -> ColumnElement[bool]:
    return and_(run_out_at(moment), or_(JobRow.by_hand.is_(True), JobRow.cancel_requested.is_(True), JobRow.attempts >= ATTEMPTS))


def run_out_at(moment: datetime) -> ColumnElement[bool]:
    return and_(JobRow.state == RUNNING, JobRow.lease_until < moment)


def has_run_out(row: JobRow, moment: datetime) -> bool:
    return row.state == RUNNING and row.lease_until is not None and row.lease_until < moment


def is_dead(row: JobRow, moment: datetime) -> bool:
    return has_run_out(row, moment) and (row.by_hand or row.cancel_requested or row.attempts >= ATTEMPTS)
