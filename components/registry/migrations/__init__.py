"""Alembic's revisions of the tables, run by schema.upgrade() on first use.

`python -m components.registry.migrations add jobs` drafts the next one from what tables.py has and the revisions lack.
"""
