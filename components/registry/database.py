"""The SQL database behind the registry: SQLite or PostgreSQL, brought up to date on first use, with errors said in one sentence."""

import json
import re
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, make_url, text
from sqlalchemy.exc import ArgumentError, DatabaseError, InterfaceError, OperationalError, ProgrammingError
from sqlalchemy.exc import TimeoutError as NoneFree
from sqlalchemy.orm import Session

from components.errors import RegistryError
from components.places import database_url
from components.registry import schema
from components.registry.errors import DatabaseAway

WRITERS = 7_461_676_765  # PostgreSQL's advisory lock that writers take turns on; any number that is only ours
WAIT_S = 30
MAY_NOT = "42501"
READ_ONLY = "25006"  # what PostgreSQL says to who writes while it takes nothing: psycopg calls it an internal error
CONNECT_S = 5
# Connections of a process: kept open, and at a time. A service has 76 threads that may ask: 40 for requests, 16 for keys, 16 that look for
# clips, and one each for the log, its retention, the figures of drift and readiness. PostgreSQL takes 100 in all unless it is told
# otherwise, so they share fewer: a thread that finds none waits CONNECT_S for one, and then takes the database to be away.
KEPT, MOST = 5, 60

to_json = partial(json.dumps, ensure_ascii=False, allow_nan=False)


class Database:
    """One database, opened when it is first asked for something.

    Args:
        url: `sqlite:///file.db` or `postgresql://user:password@host/name`; TIMBRE_DATABASE_URL where none is given.
    Raises:
        RegistryError: if the URL is none of these; later, if the database is away, damaged or newer than this code.
    """

    def __init__(self, url: str | None = None) -> None:
        self._url = _parse(url or database_url())
        self.where = self._url.set(drivername=self._url.get_backend_name(), query={}).render_as_string(hide_password=True)
        self._engine: Engine | None = None
        self._lock = threading.Lock()
        self._failed: tuple[float, RegistryError] | None = None  # when the last try to open it ended, and how

    @property
    def is_there(self) -> bool:
        """Whether there is something to read: a SQLite file that no one wrote yet would be made by looking."""
        return self._url.get_backend_name() != "sqlite" or Path(str(self._url.database)).exists()

    @contextmanager
    def read(self) -> Iterator[Session]:
        """A session to look with; what it changes is dropped."""
        with self._plainly(), Session(self._ready(), expire_on_commit=False) as session:
            yield session

    @contextmanager
    def write(self, in_turn: bool = True) -> Iterator[Session]:
        """A session that takes effect at its end, all or nothing; writers of all processes take turns.

        Args:
            in_turn: False for who locks the rows that it writes itself: PostgreSQL then lets it write beside others, SQLite cannot.
        """
        with self._plainly(), Session(self._ready().execution_options(begin="IMMEDIATE"), expire_on_commit=False) as session:
            if in_turn:
                take_turn(session.connection())
            yield session
            session.commit()

    def ask(self) -> None:
        """See that it answers.

        Raises:
            RegistryError: if it does not.
        """
        with self.read() as session:
            session.execute(text("SELECT 1"))

    def close(self) -> None:
        """Give the connections back; the next use opens new ones."""
        with self._lock:
            if self._engine is not None:
                self._engine.dispose()
            self._engine = None

    def _ready(self) -> Engine:
        """The engine; of threads that come while one tries to open the database, none waits for a try of its own."""
        came = time.monotonic()
        with self._lock:
            if self._engine is None:
                if self._failed is not None and self._failed[0] > came:
                    raise type(self._failed[1])(str(self._failed[1]))
                try:
                    with self._plainly():
                        self._engine = self._open()
                except RegistryError as error:
                    self._failed = time.monotonic(), type(error)(str(error))  # without what it holds on to
                    raise
            return self._engine

    def _open(self) -> Engine:
        engine = self._make_engine()
        try:
            schema.upgrade(engine, self.where, take_turn)
        except BaseException:
            engine.dispose()
            raise
        return engine

    def _make_engine(self) -> Engine:
        pool: dict[str, Any] = {"pool_size": KEPT, "max_overflow": MOST - KEPT, "pool_timeout": CONNECT_S, "json_serializer": to_json}
        if self._url.get_backend_name() == "postgresql":
            arguments: dict[str, Any] = {} if "connect_timeout" in self._url.query else {"connect_timeout": CONNECT_S}
            try:
                return create_engine(self._url, pool_pre_ping=True, connect_args=arguments, **pool)
            except ModuleNotFoundError:
                raise DatabaseAway(f"{self.where} needs PostgreSQL's driver: pip install 'timbre-audio[postgres]'") from None
        folder = Path(str(self._url.database)).parent
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise DatabaseAway(f"cannot make {folder} for the database: {error.strerror}; set TIMBRE_DATABASE_URL") from None
        engine = create_engine(self._url, connect_args={"timeout": WAIT_S}, **pool)
        event.listen(engine, "connect", _set_up_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def _plainly(self) -> Iterator[None]:
        try:
            yield
        except NoneFree:
            raise DatabaseAway(f"all {MOST} connections to the database {self.where} are in use: try again in a moment") from None
        except (OperationalError, InterfaceError, DatabaseError) as error:
            state, said = (
                getattr(error.orig, "sqlstate", None),
                str(error.orig).strip().splitlines()[0] if str(error.orig).strip() else "no answer",
            )
            if self._url.password:
                said = re.sub(rf"(?<!\w){re.escape(str(self._url.password))}(?!\w)", "***", said)  # not inside of words
            if state == MAY_NOT:
                raise RegistryError(
                    f"the database {self.where} does not let its user do what Timbre needs: {said}; make it the database's owner, or "
                    "GRANT CREATE ON SCHEMA public to it"
                ) from error
            if isinstance(error, ProgrammingError) and state is None and self._url.get_backend_name() == "postgresql":
                raise RegistryError(f"TIMBRE_DATABASE_URL of {self.where} has something that the driver does not take: {said}") from error
            is_away = isinstance(error, OperationalError | InterfaceError) or type(error) is DatabaseError
            if not is_away and state != READ_ONLY:
                raise  # a constraint or a statement: a bug of ours
            raise DatabaseAway(
                f"cannot use the database {self.where}: {said}; see that it runs and that TIMBRE_DATABASE_URL names it"
            ) from error


def take_turn(connection: Connection) -> None:
    """Wait until no other writer is at work, to the end of the transaction; on SQLite its start has done so."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": WRITERS})


def _parse(url: str) -> URL:
    forms = "write sqlite:///file.db or postgresql://user:password@host/name"
    try:
        parsed = make_url(url)
        backend = parsed.get_backend_name()
    except (ArgumentError, ValueError):
        raise RegistryError(f"TIMBRE_DATABASE_URL is not a database's URL: {forms}") from None
    if backend in ("postgres", "postgresql"):
        return parsed.set(drivername="postgresql+psycopg")
    if backend != "sqlite":
        raise RegistryError(f"TIMBRE_DATABASE_URL names a {backend} database, which Timbre does not keep a registry in: {forms}")
    if parsed.database in (None, "", ":memory:"):
        raise RegistryError(f"TIMBRE_DATABASE_URL names a database in memory, which no other process would see: {forms}")
    return parsed.set(database=str(Path(str(parsed.database)).absolute()))


def _set_up_sqlite(connection: Any, _record: Any) -> None:
    connection.isolation_level = None  # the driver's own BEGIN comes too late to lock for writing
    connection.execute(f"PRAGMA busy_timeout = {WAIT_S * 1000}")
    connection.execute("PRAGMA foreign_keys = ON")
    last = time.monotonic() + WAIT_S
    while connection.execute("PRAGMA journal_mode").fetchone()[0] != "wal":
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except Exception:  # the busy timeout does not hold for this change, so wait by hand
            if time.monotonic() > last:
                raise
            time.sleep(0.02)


def _begin_sqlite(connection: Connection) -> None:
    connection.exec_driver_sql(f"BEGIN {connection.get_execution_options().get('begin', 'DEFERRED')}")
