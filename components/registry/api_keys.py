"""Who may use a service and how often: API keys, of which only a hash is kept, and a rate for each that holds across processes."""

import builtins
import hashlib
import hmac
import re
import secrets
import string
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import time
from typing import Any, Literal, get_args

from sqlalchemy import Double, case, exists, or_, select, update
from sqlalchemy import bindparam as given
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from components.errors import RegistryError
from components.registry.database import Database
from components.registry.errors import RateLimited, RevokedKey, UnknownKey
from components.registry.history import note
from components.registry.records import rfc3339
from components.registry.tables import ApiKeyRow, RateWindowRow, now

Scope = Literal["predict", "test", "models", "train", "review", "admin"]
SCOPES: tuple[Scope, ...] = get_args(Scope)
PER_MINUTE, MOST_PER_MINUTE = 600, 1_000_000
WINDOW_S = 60.0
USED_EVERY = timedelta(minutes=1)  # how exact `last_used_at` is
LONGEST_NAME = 100
PREFIX_LENGTH, SECRET_BYTES = 8, 32
ALPHABET = string.ascii_lowercase + string.digits
SECRET = re.compile(r"timbre_([a-z0-9]{8})_[A-Za-z0-9_-]{43}")
NOBODY = "0" * 64  # compared with where no key has the prefix, so that both answers take the same time
DOUBLE: Double[float] = Double()
INSERTS: dict[str, Any] = {"sqlite": sqlite.insert, "postgresql": postgresql.insert}
COLUMNS = [column for column in ApiKeyRow.__table__.columns if column.key != "sha256"]


@dataclass(frozen=True)
class ApiKey:
    """What is known of a key; the secret is not."""

    id: int
    prefix: str
    name: str
    scopes: tuple[Scope, ...]
    per_minute: int
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None

    def may(self, scope: Scope) -> bool:
        """Whether the key opens what needs this scope; admin opens all."""
        return scope in self.scopes or "admin" in self.scopes

    def as_json(self) -> dict[str, Any]:
        """The key for people and programs; times are RFC 3339 in UTC."""
        return {
            "name": self.name,
            "prefix": self.prefix,
            "scopes": list(self.scopes),
            "per_minute": self.per_minute,
            "created_at": rfc3339(self.created_at),
            "last_used_at": None if self.last_used_at is None else rfc3339(self.last_used_at),
            "revoked_at": None if self.revoked_at is None else rfc3339(self.revoked_at),
        }


class ApiKeys:
    """The API keys of a database.

    Raises:
        RegistryError: from every method, if the database is away, locked for too long, damaged or newer than this code.
    """

    def __init__(self, database: Database) -> None:
        self.database = database

    def create(self, name: str, scopes: Iterable[str], who: str, per_minute: int = PER_MINUTE) -> tuple[ApiKey, str]:
        """A new key and its secret, `timbre_<prefix>_<random>`, which is kept nowhere.

        Args:
            name: whose it is; no two keys in use share one.
            scopes: predict, test, models, train, review, admin.
            per_minute: requests that are let through in a minute.
        Raises:
            RegistryError: if the name is taken or not allowed, a scope unknown, or the rate outside 1 to a million.
        """
        wanted = _checked(name, scopes, per_minute)
        with self.database.write() as session:
            if session.scalar(select(_is_in_use(name) | exists().where(ApiKeyRow.prefix == name))):
                raise RegistryError(f"a key called {name!r} is in use: choose another name, or revoke that one first")
            prefix = _free_prefix(session)
            secret = f"timbre_{prefix}_{secrets.token_urlsafe(SECRET_BYTES)}"
            row = ApiKeyRow(prefix=prefix, sha256=_hash(secret), name=name, scopes=list(wanted), per_minute=per_minute)
            session.add(row)
            note(session, who, "key created", None, name=name, prefix=prefix, scopes=wanted, per_minute=per_minute)
            session.flush()
            return _key_of(row), secret

    def list(self) -> builtins.list[ApiKey]:
        """Every key, revoked ones too, newest first."""
        with self.database.read() as session:
            return [_key_of(row) for row in session.execute(select(*COLUMNS).order_by(ApiKeyRow.id.desc()))]

    def revoke(self, key: str, who: str) -> ApiKey:
        """Take a key back, for good; one that was taken back before stays as it is.

        Args:
            key: its prefix or its name.
        Raises:
            UnknownKey: if there is none.
        """
        with self.database.write() as session:
            row = _find(session, key)
            if row.revoked_at is None:
                row.revoked_at = now()
                note(session, who, "key revoked", None, name=row.name, prefix=row.prefix)
                session.flush()
            return _key_of(row)

    def check(self, secret: str) -> ApiKey:
        """The key that a secret belongs to; it counts as used.

        Raises:
            UnknownKey: if it belongs to none.
            RevokedKey: if its key was taken back.
        """
        found = SECRET.fullmatch(secret)
        with self.database.read() as session:
            query = select(*COLUMNS, ApiKeyRow.sha256).where(ApiKeyRow.prefix == (found[1] if found else ""))
            row = session.execute(query).one_or_none()
        if not hmac.compare_digest(_hash(secret), row.sha256 if row else NOBODY) or row is None:
            raise UnknownKey("the API key is not one of this service's: check that it was copied whole")
        key = _key_of(row)
        if key.revoked_at is not None:
            raise RevokedKey(f"the API key {key.prefix} was revoked at {rfc3339(key.revoked_at)}: ask for a new one")
        self._used(key)
        return key

    def spend(self, key: ApiKey) -> None:
        """Count one request of a key, among all processes; a refused one does not count.

        A token bucket of `per_minute` that fills evenly within a minute, kept as the one moment at which it is full again
        (the generic cell rate algorithm, ITU-T I.371).

        Raises:
            RateLimited: if the key has used its minute up.
        """
        moment = time()
        step_s = WINDOW_S / key.per_minute
        with self.database.write(in_turn=False) as session:
            connection = session.connection()
            if connection.execute(_SPEND[connection.dialect.name], _spending(key, moment, step_s)).first() is not None:
                return
            free_at = session.scalar(select(RateWindowRow.free_at).where(RateWindowRow.key_id == key.id)) or moment
        wait_s = max(0.0, free_at + step_s - moment - WINDOW_S)
        raise RateLimited(f"the API key {key.prefix} may ask {key.per_minute} times a minute: ask again in {wait_s:.1f} s", wait_s)

    def any_active(self) -> bool:
        """Whether there is a key that opens anything."""
        with self.database.read() as session:
            return bool(session.scalar(select(exists().where(ApiKeyRow.revoked_at.is_(None)))))

    def _used(self, key: ApiKey) -> None:
        moment = now()
        if key.last_used_at is not None and moment - key.last_used_at < USED_EVERY:
            return
        stale = or_(ApiKeyRow.last_used_at.is_(None), ApiKeyRow.last_used_at <= moment - USED_EVERY)
        with self.database.write(in_turn=False) as session:
            session.execute(update(ApiKeyRow).where(ApiKeyRow.id == key.id, stale).values(last_used_at=moment))


def _spending(key: ApiKey, moment: float, step_s: float) -> dict[str, float]:
    return {"key": key.id, "moment": moment, "step": step_s, "latest": moment + WINDOW_S, "beyond": moment + 2 * WINDOW_S}


def _spend_on(insert: Any) -> Any:
    """The one statement that counts a request; it gives no row where the minute is used up."""
    table = RateWindowRow.__table__
    moment, step, latest, beyond = [given(name, type_=DOUBLE) for name in ("moment", "step", "latest", "beyond")]
    # What lies further ahead than any use can put it was written before a clock went back.
    counts = table.c.free_at.between(moment, beyond)
    free_at = case((counts, table.c.free_at), else_=moment) + step
    row = insert(table).values(key_id=given("key"), free_at=moment + step)
    changed = row.on_conflict_do_update(index_elements=[table.c.key_id], set_={"free_at": free_at}, where=free_at <= latest)
    return changed.returning(table.c.free_at)


_SPEND = {backend: _spend_on(insert) for backend, insert in INSERTS.items()}


def _checked(name: str, scopes: Iterable[str], per_minute: int) -> tuple[Scope, ...]:
    """The scopes, each once and in the order of the menu."""
    if not name.strip() or name != name.strip() or len(name) > LONGEST_NAME or not name.isprintable():
        rule = f"1 to {LONGEST_NAME} printable characters, and no space at its ends"
        raise RegistryError(f"a key cannot be called {name[: LONGEST_NAME + 1]!r}: a name is {rule}")
    asked = tuple(dict.fromkeys(scopes))
    unknown = [scope for scope in asked if scope not in SCOPES]
    if unknown or not asked:
        said = f"{unknown[0]!r} is no scope" if unknown else "a key without a scope opens nothing"
        raise RegistryError(f"{said}: choose from {', '.join(SCOPES)}")
    if not 1 <= per_minute <= MOST_PER_MINUTE:
        raise RegistryError(f"a key may ask 1 to {MOST_PER_MINUTE} times a minute, not {per_minute}")
    return tuple(scope for scope in SCOPES if scope in asked)


def _is_in_use(name: str) -> Any:
    return exists().where(ApiKeyRow.name == name, ApiKeyRow.revoked_at.is_(None))


def _free_prefix(session: Session) -> str:
    """A prefix that neither a key nor a name has, as both name a key to revoke."""
    while True:
        prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_LENGTH))
        if not session.scalar(select(exists().where(or_(ApiKeyRow.prefix == prefix, ApiKeyRow.name == prefix)))):
            return prefix


def _find(session: Session, key: str) -> ApiKeyRow:
    """By prefix or name; of several with a name the one in use, else the newest."""
    order = (ApiKeyRow.revoked_at.is_not(None), ApiKeyRow.id.desc())
    asked = or_(ApiKeyRow.prefix == key, ApiKeyRow.name == key)
    row = session.scalar(select(ApiKeyRow).where(asked).order_by(*order).limit(1)) if key.isprintable() else None
    if row is None:
        raise UnknownKey(f"no API key is called {key[: LONGEST_NAME + 1]!r} or starts with it: `timbre keys list` shows them")
    return row


def _key_of(row: Any) -> ApiKey:
    values = {column.key: getattr(row, column.key) for column in COLUMNS}
    return ApiKey(**{**values, "scopes": tuple(row.scopes)})


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
