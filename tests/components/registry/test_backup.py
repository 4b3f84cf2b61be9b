"""Backup, restore and upgrade by the very commands of docs/operate.md."""

import os
import shutil
import uuid
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, inspect, make_url, text

from components.registry import ApiKeys, Card, Registry, examine
from components.registry.schema import FOLDER
from tests.fixtures.pages import blocks, read, run, section

from .conftest import TaggerMaker, UrlMaker, yes

CHORES = blocks(section(read("operate.md"), "Backup, restore, upgrade"))
SAVE, RESTORE, SAVE_SERVER, RESTORE_SERVER, UPGRADE = CHORES
FIRST = """
INSERT INTO models (id, name, description, digest, labels, task, is_active, created_at, eval_metrics, split, data_digest, card)
VALUES ('5f0c7a0e', 'old', 'the first of all', 'eeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeeee', '["cel", "flu"]',
    'multilabel', true, '2025-05-01 12:30:00.000000',
    '{"precision": 0.5, "recall": 0.5, "f1_score": 0.5, "per_class": {}}', 'test', 'd', '{}');
INSERT INTO aliases (name, model_id, changed_at) VALUES ('production', '5f0c7a0e', '2025-05-01 12:30:00.000000');
INSERT INTO audit (at, who, action, model_id, detail) VALUES ('2025-05-01 12:30:00.000000', 'ann', 'promoted', '5f0c7a0e', '{}')
"""


def typed(script: str, home: Path, **variables: str) -> str:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TIMBRE_")}
    done = run(script, home, {**environment, **variables})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_sqlite_is_copied_while_it_is_written_and_put_back(tmp_path: Path, make_tagger: TaggerMaker, card: Card):
    here = tmp_path / ".timbre"
    with Registry.open(f"sqlite:///{here / 'timbre.db'}", here / "models") as registry:
        kept = registry.register(make_tagger(b"one"), card, yes, who="ann")
        _, secret = ApiKeys(registry.database).create("ann", ["predict"], "root")
        assert (here / "timbre.db-wal").stat().st_size > 0  # the copy must not miss what is in it
        typed(SAVE, tmp_path)
        registry.register(make_tagger(b"two"), card, yes, who="ann")
        for file in here.glob("timbre.db*"):
            shutil.copy(file, tmp_path)  # as a service that was killed leaves them
    for file in tmp_path.glob("timbre.db*"):
        shutil.copy(file, here)
    shutil.rmtree(here / "models" / kept.digest)
    restore, doctor = RESTORE.rstrip().rsplit("\n", 1)
    assert doctor == "timbre doctor"
    typed(restore, tmp_path)
    with Registry.open(f"sqlite:///{here / 'timbre.db'}", here / "models") as registry:
        assert [(model.key, model.aliases) for model in registry.list().items] == [(kept.key, ("production", "latest"))]
        assert ApiKeys(registry.database).check(secret).name == "ann"
        assert [finding.what for finding in examine(registry)] == ["a tagger folder that the registry does not know"]  # made after


def test_postgresql_is_dumped_and_restored(postgres_server: str, tmp_path: Path, make_tagger: TaggerMaker, card: Card):
    if shutil.which("pg_dump") is None:
        pytest.skip("no pg_dump: install Debian's postgresql-client")
    made, restored = f"timbre_{uuid.uuid4().hex}", f"timbre_{uuid.uuid4().hex}"
    urls = [make_url(postgres_server).set(database=name).render_as_string(hide_password=False) for name in (made, restored)]
    told = {"TIMBRE_DATABASE_URL": urls[0], "RESTORED_URL": urls[1]}
    engine = create_engine(make_url(postgres_server).set(drivername="postgresql+psycopg"), isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {made}"))
        try:
            with Registry.open(urls[0], tmp_path / "models") as registry:
                kept = registry.register(make_tagger(b"one"), card, yes, who="ann")
                _, secret = ApiKeys(registry.database).create("ann", ["predict"], "root")
                typed(SAVE_SERVER, tmp_path, **told)
                registry.register(make_tagger(b"two"), card, yes, who="ann")
            typed(RESTORE_SERVER.replace("timbre_restored", restored), tmp_path, **told)
            with Registry.open(urls[1], tmp_path / "models") as registry:
                assert [model.key for model in registry.list().items] == [kept.key]
                assert ApiKeys(registry.database).check(secret).name == "ann"
                assert "production" in registry.register(make_tagger(b"three"), card, yes, who="ann").aliases  # it can be written to
        finally:
            for name in (made, restored):
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
    engine.dispose()


def test_an_upgrade_keeps_what_is_there(new_url: UrlMaker, tmp_path: Path, make_tagger: TaggerMaker, card: Card):
    url = new_url()
    at_first_revision(url)
    printed = typed(UPGRADE, tmp_path, TIMBRE_DATABASE_URL=url, TIMBRE_MODELS=str(tmp_path / "models"))
    assert "old@eeeeeeee" in printed
    assert "production" in printed
    with Registry.open(url, tmp_path / "models") as registry:
        (model,) = registry.list().items
        assert (model.description, model.labels, model.eval_metrics["f1_score"]) == ("the first of all", ("cel", "flu"), 0.5)
        assert model.as_json()["created_at"] == "2025-05-01T12:30:00.000Z"
        assert [(entry.action, entry.who) for entry in registry.audit(model.id)] == [("promoted", "ann")]
        _, secret = ApiKeys(registry.database).create("ann", ["predict"], "root")  # tables that came later are there
        assert ApiKeys(registry.database).check(secret).name == "ann"
        newer = registry.register(make_tagger(), card, yes, who="ann")
        assert registry.roll_back("ann").id == model.id != newer.id


def at_first_revision(url: str) -> None:
    """A database as the first version made it: a model in production and its history, written by hand."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    engine = create_engine(make_url(url.replace("postgresql://", "postgresql+psycopg://")))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
        for statement in FIRST.split(";"):
            connection.exec_driver_sql(statement)
        assert set(inspect(connection).get_table_names()) == {"models", "aliases", "audit", "timbre_version"}
    engine.dispose()
