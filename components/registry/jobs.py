"""The queue of training jobs: submitted, leased to one worker at a time, followed by heartbeats, finished once.

Leases are told by the database's clock (PostgreSQL's own; SQLite's is that of the one machine that its file lies on), so clocks of
workers may differ. Each lease has a token of its own, and an old one is refused whatever it asks. That of a training by hand holds
until its process ends it: nobody else takes it up, so one that was given up while it was suspended goes on.
"""

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from components.config import Config
from components.errors import RegistryError
from components.registry import leases
from components.registry.database import Database
from components.registry.errors import JobFinished, KeyReused, LostLease, UnknownJob
from components.registry.history import note
from components.registry.job import (
    CANCELLED,
    ENDED,
    FAILED,
    LONGEST_ERROR,
    QUEUED,
    RUNNING,
    STATES,
    SUCCEEDED,
    Job,
    JobPage,
    Pulse,
    job_of,
    lies_elsewhere,
    without_folders,
)
from components.registry.job_request import checked
from components.registry.records import plain
from components.registry.tables import JobRow, ModelRow

LONGEST_KEY = 200
NOBODY = "timbre"  # who buries jobs
BY_HAND = "by hand"
NOTHING = Pulse()
SILENT = "nothing is heard of its process: it was killed or suspended, or its machine went away"
GOES_ON = "; the run that it waited for may go on where `run` says"


class Jobs:
    """Training jobs in the registry's database.

    Raises:
        RegistryError: from every method, if the database is away, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def submit(
        self,
        config: str,
        overrides: Sequence[str] | Mapping[str, Any],
        who: str,
        idempotency_key: str | None = None,
        *,
        folder: Path | None = None,
        check: Callable[[Config, Config], None] | None = None,
    ) -> Job:
        """Queue a training; the same key, caller and request again give the same job.

        Args:
            config: the name of a file in `folder` (TIMBRE_CONFIGS where none), without a path.
            overrides: `section.key=value`, or a mapping from dotted keys to values.
            check: refuses a configuration that the caller may not train, by raising; told it with and without the overrides.
        Raises:
            ConfigError: if there is no such file, or a key or value does not fit.
            KeyReused: if the caller used the key for another request.
        """
        request = checked(config, overrides, folder, check)
        if idempotency_key is not None and not (0 < len(idempotency_key) <= LONGEST_KEY and idempotency_key.isprintable()):
            raise RegistryError(f"an idempotency key is 1 to {LONGEST_KEY} printable characters: send another, or none")
        owner = plain(who)[:200]
        with self.database.write() as session:
            if idempotency_key is not None:
                same = (JobRow.owner == owner) & (JobRow.idempotency_key == idempotency_key)
                if (row := session.scalar(select(JobRow).where(same))) is not None:
                    if (row.config, row.overrides) != (request.config, request.overrides):
                        raise KeyReused(f"the idempotency key {idempotency_key!r} belongs to job {row.id}, which asks for something else")
                    return _job(session, row)
            row = JobRow(
                state=QUEUED,
                config=request.config,
                overrides=request.overrides,
                owner=owner,
                idempotency_key=idempotency_key,
                by_hand=False,
                created_at=leases.clock(session),
            )
            session.add(row)
            session.flush()
            note(session, who, "job submitted", None, job=row.id, config=row.config, overrides=row.overrides)
            return _job(session, row)

    def begin(self, config: str, who: str, seconds: float) -> Job:
        """Enter a training that a person has begun by hand; it is leased to who began it, and to nobody else after."""
        with self.database.write(in_turn=False) as session:
            moment = leases.clock(session)
            row = JobRow(state=QUEUED, config=plain(config)[:100], overrides=[], owner=plain(who)[:200], by_hand=True, created_at=moment)
            session.add(row)
            session.flush()
            note(session, who, "job submitted", None, job=row.id, config=row.config, by_hand=True)
            return _take(session, row, BY_HAND, moment, seconds)

    def lease(self, worker: str, seconds: float) -> Job | None:
        """Take the oldest job that waits, or whose worker has not been heard for as long as its lease; None where there is none.

        Args:
            worker: who takes it, for people to read.
            seconds: how long it is theirs; `heartbeat` makes it theirs for as long again.
        """
        with self.database.read() as session:
            if session.scalar(select(JobRow.id).where(leases.open_at(leases.clock(session))).limit(1)) is None:
                return None  # so that idle workers do not keep writers waiting
        self._bury()
        with self.database.write(in_turn=False) as session:
            moment = leases.clock(session)
            order = (JobRow.created_at, JobRow.id)
            waiting = select(JobRow).where(leases.open_at(moment)).order_by(*order).limit(1).with_for_update(skip_locked=True)
            row = session.scalar(waiting)
            return None if row is None or leases.is_dead(row, moment) else _take(session, row, worker, moment, seconds)

    def heartbeat(self, token: str, seconds: float, pulse: Pulse = NOTHING) -> Job:
        """Keep the lease for as many seconds from now, and say how far the job is; the answer says whether to stop (cancel_requested).

        Raises:
            LostLease: if the token is no longer that of the job.
        """
        with self._held(token) as (session, row):
            if row.state != RUNNING:
                row.state, row.worker, row.finished_at, row.error = RUNNING, BY_HAND, None, None
                note(session, row.owner, "job goes on", None, job=row.id)
            row.lease_until = leases.clock(session) + timedelta(seconds=seconds)
            pulse.write(row)
            return _job(session, row)

    def finish(self, token: str, state: str, *, model_id: str | None = None, error: str | None = None, pulse: Pulse = NOTHING) -> Job:
        """End a job: succeeded, failed or cancelled; what failed after it was cancelled is cancelled.

        Raises:
            LostLease: if the token is no longer that of the job.
        """
        if state not in ENDED:
            raise ValueError(f"a job ends as one of {', '.join(ENDED)}, not {state}")
        with self._held(token) as (session, row):
            if state == FAILED and row.cancel_requested and model_id is None:  # it failed as nothing was to be registered
                state, error = CANCELLED, None
            pulse.write(row)
            row.model_id = model_id
            _end(session, row, state, error, row.owner)
            return _job(session, row)

    def release(self, token: str) -> Job:
        """Put a job back where it was in the queue, as if it had not been taken; one that was to be cancelled is cancelled.

        Raises:
            LostLease: if the token is no longer that of the job.
        """
        with self._held(token) as (session, row):
            if row.cancel_requested or row.by_hand:
                _end(session, row, CANCELLED, None, row.owner)
            else:
                row.state, row.attempts = QUEUED, row.attempts - 1
                row.token = row.worker = row.lease_until = None
            return _job(session, row)

    def cancel(self, job_id: str, who: str) -> Job:
        """End a job that waits; ask the worker of one that runs to stop, which its next heartbeat tells it.

        Raises:
            UnknownJob: if there is none.
            JobFinished: if it has ended.
        """
        with self.database.write(in_turn=False) as session:
            row = _row(session, job_id, lock=True)
            if row.state in ENDED:
                raise JobFinished(f"job {row.id} has {'been cancelled' if row.state == CANCELLED else row.state} and cannot be cancelled")
            if not row.cancel_requested:
                row.cancel_requested = True
                note(session, who, "job cancelled", None, job=row.id, state=row.state)
            if row.state == QUEUED or leases.has_run_out(row, leases.clock(session)):
                _give_up(session, row, CANCELLED, None, who)
            return _job(session, row)

    def get(self, job_id: str) -> Job:
        """The job of an id.

        Raises:
            UnknownJob: if there is none.
        """
        self._bury()
        with self.database.read() as session:
            return _job(session, _row(session, job_id))

    def of_key(self, who: str, idempotency_key: str) -> Job | None:
        """The job that a caller submitted with a key."""
        with self.database.read() as session:
            mine = (JobRow.owner == plain(who)[:200]) & (JobRow.idempotency_key == idempotency_key)
            row = session.scalar(select(JobRow).where(mine))
            return None if row is None else _job(session, row)

    def list(self, state: str | None = None, page: int = 1, page_size: int = 100) -> JobPage:
        """A page of jobs, the newest first.

        Args:
            state: only those in it.
        """
        if state is not None and state not in STATES:
            raise RegistryError(f"jobs have no state {state!r}: choose one of {', '.join(STATES)}")
        if page < 1 or page_size < 1:
            raise RegistryError(f"page {page} of {page_size} jobs: both count from 1")
        self._bury()
        conditions = [] if state is None else [JobRow.state == state]
        with self.database.read() as session:
            total = session.scalar(select(func.count()).select_from(JobRow).where(*conditions)) or 0
            newest = select(JobRow).where(*conditions).order_by(JobRow.created_at.desc(), JobRow.id)
            rows = session.scalars(newest.offset((page - 1) * page_size).limit(page_size)).all()
            keys = {row.id: row.key for row in session.scalars(select(ModelRow).where(ModelRow.id.in_([row.model_id for row in rows])))}
            return JobPage(tuple(job_of(row, keys.get(row.model_id or "")) for row in rows), total, page, page_size)

    def model_id(self, digest: str) -> str | None:
        """The id of the model with this digest."""
        with self.database.read() as session:
            return session.scalar(select(ModelRow.id).where(ModelRow.digest == digest))

    @contextmanager
    def _held(self, token: str) -> Iterator[tuple[Session, JobRow]]:
        with self.database.write(in_turn=False) as session:
            row = session.scalar(select(JobRow).where(JobRow.token == token).with_for_update())
            if row is None:
                raise LostLease("the lease of this training job has ended or is another worker's: what this one did of it counts no more")
            yield session, row
            session.flush()

    def _bury(self) -> None:
        """End the jobs that nobody works on and nobody may take up: of dead processes, cancelled meanwhile, or tried too often."""
        with self.database.read() as session:
            if session.scalar(select(JobRow.id).where(leases.dead_at(leases.clock(session))).limit(1)) is None:
                return
        with self.database.write(in_turn=False) as session:
            moment = leases.clock(session)
            for row in session.scalars(select(JobRow).where(leases.dead_at(moment)).with_for_update(skip_locked=True)):
                if row.cancel_requested:
                    _give_up(session, row, CANCELLED, None, NOBODY)
                elif row.by_hand:
                    _give_up(session, row, FAILED, SILENT + (GOES_ON if lies_elsewhere(row.run) else ""), NOBODY)
                else:
                    said = f"its worker died {row.attempts} times before it was done: see its log, and submit it again when that is mended"
                    _give_up(session, row, FAILED, said, NOBODY)


def _take(session: Session, row: JobRow, worker: str, moment: datetime, seconds: float) -> Job:
    row.state, row.token, row.worker = RUNNING, str(uuid.uuid4()), plain(worker)[:200]
    row.lease_until, row.attempts = moment + timedelta(seconds=seconds), row.attempts + 1
    row.started_at = row.started_at or moment
    return _job(session, row)


def _end(session: Session, row: JobRow, state: str, error: str | None, who: str) -> None:
    row.state, row.finished_at = state, leases.clock(session)
    row.error = None if error is None else without_folders(plain(error))[:LONGEST_ERROR]
    row.token = row.worker = row.lease_until = None
    if state != SUCCEEDED or row.model_id is None:
        note(session, who, "job finished", None, job=row.id, state=state, error=row.error)
    else:
        note(session, who, "job finished", session.get(ModelRow, row.model_id), job=row.id, state=state)


def _give_up(session: Session, row: JobRow, state: str, error: str | None, who: str) -> None:
    """End a job whose process says nothing; one by hand keeps its token, as it may speak again."""
    token = row.token if row.by_hand else None
    _end(session, row, state, error, who)
    row.token = token


def _row(session: Session, job_id: str, lock: bool = False) -> JobRow:
    wanted = select(JobRow).where(JobRow.id == job_id)
    row = session.scalar(wanted.with_for_update() if lock else wanted) if job_id.isprintable() else None
    if row is None:
        raise UnknownJob(f"there is no training job {job_id[:80]!r}: take an id from the list of jobs")
    return row


def _job(session: Session, row: JobRow) -> Job:
    session.flush()
    model = None if row.model_id is None else session.get(ModelRow, row.model_id)
    return job_of(row, None if model is None else model.key)
