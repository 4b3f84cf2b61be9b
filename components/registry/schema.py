"""Bring a database to the tables of this code, whoever opens it first; Alembic's revisions lie in migrations/."""

import threading
from collections.abc import Callable
from pathlib import Path

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from components.registry.errors import DatabaseAway

FOLDER = Path(__file__).parent / "migrations"
VERSION_TABLE = "timbre_version"  # not Alembic's own name, which a neighbour in the same database may have

_one_at_a_time = threading.Lock()  # Alembic's environment is global to the process


def upgrade(engine: Engine, where: str, take_turn: Callable[[Connection], None]) -> None:
    """Run the revisions that the database lacks, in one transaction, one process at a time.

    Args:
        where: the database for people, without its password.
        take_turn: waits for the other writers; called at the start of the transaction.
    Raises:
        DatabaseAway: if the database is newer than this code, or holds other tables under our names.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.script import ScriptDirectory

    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    script = ScriptDirectory.from_config(config)
    with engine.connect() as connection:
        if _is_current(connection, script.get_heads(), [revision.revision for revision in script.walk_revisions()], where):
            return
    with _one_at_a_time, engine.execution_options(begin="IMMEDIATE").begin() as connection:
        take_turn(connection)
        if _is_current(connection, script.get_heads(), [revision.revision for revision in script.walk_revisions()], where):
            return
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except DBAPIError as error:
            if "already exists" not in str(error.orig):
                raise
            said = str(error.orig).strip().splitlines()[0]
            raise DatabaseAway(f"cannot make Timbre's tables in {where}: {said}; give Timbre a database of its own") from error


def _is_current(connection: Connection, heads: list[str], known: list[str], where: str) -> bool:
    from alembic.runtime.migration import MigrationContext

    found = set(MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads())
    if strangers := found - set(known):
        raise DatabaseAway(
            f"the database {where} was made by a newer Timbre (revision {', '.join(sorted(strangers))}): "
            "update Timbre, or name another database in TIMBRE_DATABASE_URL"
        )
    return found == set(heads)
