"""Alembic's way in: it runs the revisions on the connection that schema.upgrade() hands over, inside that one's transaction."""

from typing import Any, Literal

from alembic import context

from components.registry.schema import VERSION_TABLE
from components.registry.tables import Base, UtcDateTime


def render(kind: str, item: Any, _: Any) -> str | Literal[False]:
    """A draft names no class of ours, which may be another by the time that the revision runs."""
    return "sa.DateTime(timezone=True)" if kind == "type" and isinstance(item, UtcDateTime) else False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    version_table=VERSION_TABLE,
    render_as_batch=True,  # SQLite alters a table by making it anew
    render_item=render,
)
with context.begin_transaction():
    context.run_migrations()
