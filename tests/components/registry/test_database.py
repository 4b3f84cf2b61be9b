"""The database: migrations, two processes at once, what is said when it is away or not ours."""

import socket
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text

from components.errors import RegistryError
from components.registry import DatabaseAway, Registry
from components.registry.database import Database
from components.registry.leases import clock
from components.registry.schema import VERSION_TABLE
from components.registry.tables import Base, ModelRow

from .conftest import UrlMaker


def test_migrations_make_the_tables_of_the_code(registry: Registry) -> None:
    with registry.database.read() as session:
        options = {"version_table": VERSION_TABLE, "compare_type": True, "compare_server_default": True}
        assert compare_metadata(MigrationContext.configure(session.connection(), opts=options), Base.metadata) == []


def test_opening_again_changes_nothing(registry: Registry) -> None:
    registry.close()
    assert registry.list().total == 0
    with Registry(registry.database._url.render_as_string(hide_password=False), registry.root) as second:
        assert second.list().total == 0


def test_a_user_who_may_make_no_tables_is_told_so(request: pytest.FixtureRequest) -> None:
    """PostgreSQL 15 and later let only a database's owner make tables there."""
    url = make_url(request.getfixturevalue("postgres_server"))
    engine = create_engine(url.set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        for statement in ("DROP DATABASE IF EXISTS guarded", "DROP ROLE IF EXISTS guest", "CREATE DATABASE guarded"):
            connection.execute(text(statement))
        connection.execute(text("CREATE ROLE guest LOGIN PASSWORD 's3cret'"))
    engine.dispose()
    theirs = url.set(database="guarded", username="guest", password="s3cret").render_as_string(hide_password=False)
    with closing(Database(theirs)) as database, pytest.raises(RegistryError, match=r"permission denied.* GRANT CREATE ON SCHEMA public"):
        database.ask()


@pytest.mark.parametrize(("option", "said"), [("foo=bar", "foo"), ("connect_timeout=a", "connect_timeout")])
def test_an_option_of_the_url_that_the_driver_does_not_know(request: pytest.FixtureRequest, option: str, said: str) -> None:
    url = make_url(request.getfixturevalue("postgres_server")).update_query_string(option)
    with (
        closing(Database(url.render_as_string(hide_password=False))) as database,
        pytest.raises(RegistryError, match=f"has something that the driver does not take: .*{said}"),
    ):
        database.ask()


def test_a_newer_database_is_left_alone(registry: Registry) -> None:
    with registry.database.write() as session:
        session.execute(text("UPDATE timbre_version SET version_num = '9999'"))
    registry.close()
    with pytest.raises(DatabaseAway, match=r"made by a newer Timbre \(revision 9999\): update Timbre"):
        registry.list()


def test_somebody_elses_tables_are_left_alone(new_url: UrlMaker) -> None:
    url = new_url()
    engine = create_engine(make_url(url.replace("postgresql://", "postgresql+psycopg://")))
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE aliases (mine integer)"))
    with pytest.raises(DatabaseAway, match=r"aliases.*already exists.*give Timbre a database of its own"):
        Registry.open(url)
    assert inspect(engine).get_table_names() == ["aliases"]
    engine.dispose()


def test_all_or_nothing(registry: Registry) -> None:
    def half() -> None:
        with registry.database.write() as session:
            about = {"labels": [], "task": "", "is_active": True, "eval_metrics": {}, "split": "", "data_digest": "", "card": {}}
            session.add(ModelRow(name="a", digest="a" * 64, **about))
            session.flush()
            raise MemoryError

    with pytest.raises(MemoryError):
        half()
    assert registry.list().total == 0


def test_sqlite_is_set_up_for_several_processes(tmp_path: Path) -> None:
    with Registry.open(f"sqlite:///{tmp_path / 'new' / 'a.db'}") as registry, registry.database.read() as session:
        asked = {name: session.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys", "busy_timeout")}
    assert asked == {"journal_mode": "wal", "foreign_keys": 1, "busy_timeout": 30000}


def test_a_relative_file_stays_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    registry = Registry("sqlite:///a.db")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert registry.list().total == 0
    registry.close()
    assert (tmp_path / "a.db").exists()


def test_the_environment_names_the_database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path}/env.db")
    monkeypatch.setenv("TIMBRE_MODELS", str(tmp_path / "kept"))
    with Registry() as registry:
        assert registry.list().total == 0
        assert registry.root == tmp_path / "kept"
        assert registry.address == f"sqlite:///{tmp_path}/env.db"
    assert (tmp_path / "env.db").exists()


def test_a_server_that_is_away_is_named_without_its_password() -> None:
    with pytest.raises(RegistryError, match="see that it runs") as raised:
        Registry.open("postgresql://ann:s3cret@127.0.0.1:1/timbre?password=s3cret")
    assert "postgresql://ann:***@127.0.0.1:1/timbre" in str(raised.value)
    assert "s3cret" not in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_short_password_blots_out_no_words() -> None:
    with pytest.raises(RegistryError, match="connection"):
        Registry.open("postgresql://ann:o@127.0.0.1:1/timbre")


def test_a_database_that_does_not_exist(request: pytest.FixtureRequest) -> None:
    url = make_url(request.getfixturevalue("postgres_server")).set(database="nowhere").render_as_string(hide_password=False)
    with pytest.raises(RegistryError, match='database "nowhere" does not exist'):
        Registry.open(url)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("nonsense", "is not a database's URL"),
        ("mysql://host/name", "names a mysql database"),
        ("sqlite://", "in memory"),
        ("sqlite:///:memory:", "in memory"),
        ("postgresql://host:port/name", "is not a database's URL"),
    ],
)
def test_a_url_that_cannot_be(url: str, message: str) -> None:
    with pytest.raises(RegistryError, match=message):
        Registry(url)


def test_files_that_are_no_database(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("a letter to a friend " * 100)
    with pytest.raises(RegistryError, match="file is not a database"):
        Registry.open(f"sqlite:///{tmp_path}/text.db")
    with pytest.raises(RegistryError, match="unable to open database file"):
        Registry.open(f"sqlite:///{tmp_path}")
    with pytest.raises(DatabaseAway, match=r"cannot make .*text\.db/inner for the database"):
        Registry.open(f"sqlite:///{tmp_path}/text.db/inner/a.db")


def test_foreign_keys_hold(registry: Registry) -> None:
    with pytest.raises(Exception, match=r"(?i)foreign key"), registry.database.write() as session:
        session.execute(text("INSERT INTO aliases (name, model_id, changed_at) VALUES ('production', 'none', CURRENT_TIMESTAMP)"))


def test_a_lock_held_for_too_long_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.database.WAIT_S", 0)
    with Registry.open(f"sqlite:///{tmp_path}/a.db") as registry:
        other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(RegistryError, match="database is locked"):
            registry.archive("x", "ann")
        other.close()


def test_a_connection_that_nobody_gives_back_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEPT": 1, "MOST": 2, "CONNECT_S": 0.1}.items():
        monkeypatch.setattr(f"components.registry.database.{name}", value)
    with Registry.open(f"sqlite:///{tmp_path}/a.db") as registry, registry.database.read() as one, registry.database.read() as other:
        one.execute(text("SELECT 1"))
        other.execute(text("SELECT 1"))
        with pytest.raises(DatabaseAway, match=r"all 2 connections to the database .* are in use"):
            registry.list()


def test_who_finds_no_connection_waits_until_one_is_given_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"KEPT": 1, "MOST": 1, "CONNECT_S": 60}.items():
        monkeypatch.setattr(f"components.registry.database.{name}", value)
    with Registry.open(f"sqlite:///{tmp_path}/a.db") as registry, ThreadPoolExecutor(1) as pool:
        with registry.database.read() as one:
            one.execute(text("SELECT 1"))
            listed = pool.submit(registry.list)
            with pytest.raises(TimeoutError):
                listed.result(0.3)
        assert listed.result(60).total == 0


def test_those_who_wait_while_one_tries_a_server_that_says_nothing_do_not_try_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("components.registry.database.CONNECT_S", 2)  # libpq's shortest

    def ask(database: Database) -> type[Exception] | None:
        try:
            with database.read():
                return None
        except DatabaseAway as error:
            return type(error)

    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(8) as pool:
        database = Database(f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/timbre")
        began = time.monotonic()
        assert set(pool.map(ask, [database] * 8)) == {DatabaseAway}
        assert time.monotonic() - began < 6 * 2
        assert ask(database) is DatabaseAway  # whoever comes later tries anew
        assert time.monotonic() - began > 1.9 * 2


def changed(url: str, setting: str) -> Database:
    """A PostgreSQL whose owner has set something for all who come."""
    with closing(Database(url)) as database, database.write() as session:
        session.execute(text(f"ALTER DATABASE {make_url(url).database} SET {setting}"))
    return Database(url)


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
def test_the_clock_is_utc_whatever_zone_the_server_is_set_to(new_url: UrlMaker) -> None:
    with closing(changed(new_url(), "timezone TO 'Asia/Tokyo'")) as database, database.read() as session:
        assert clock(session).utcoffset() == timedelta(0)
        assert abs(clock(session) - datetime.now(UTC)) < timedelta(minutes=1)


@pytest.mark.parametrize("new_url", ["postgresql"], indirect=True)
def test_a_server_that_takes_nothing_for_a_while_is_away(new_url: UrlMaker) -> None:
    with (
        closing(changed(new_url(), "default_transaction_read_only TO on")) as database,
        pytest.raises(DatabaseAway, match="read-only transaction"),
        database.write() as session,
    ):
        session.execute(text("CREATE TABLE one_more (id int)"))
