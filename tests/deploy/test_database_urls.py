"""Every PostgreSQL URL that is written down is one for libpq too: docs/operate.md gives `pg_dump` and `psql` what the service is given."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from components.registry import Registry

ROOT = Path(__file__).parents[2]


def urls() -> Iterator[tuple[str, str]]:
    """(page, URL), with x where a variable stands."""
    for page in sorted(page for folder in ("deploy", "docs") for page in (ROOT / folder).rglob("*") if page.is_file()):
        if page.suffix in {".yaml", ".env", ".md"}:
            text = re.sub(r"\$\{[^}]*\}", "x", page.read_text())
            yield from ((page.relative_to(ROOT).as_posix(), url) for url in re.findall(r"postgres[\w+]*://[^\s`\"']+", text))


WRITTEN = sorted(set(urls()))


def test_those_that_the_service_is_started_with_are_among_them():
    assert {page for page, _ in WRITTEN} >= {"deploy/compose.yaml", "deploy/kubernetes/secret.example.yaml", "docs/operate.md"}


@pytest.mark.parametrize(("page", "url"), WRITTEN, ids=[page for page, _ in WRITTEN])
def test_libpq_takes_it_and_so_do_we(page: str, url: str):
    told = conninfo_to_dict(url)
    with Registry(url) as registry:
        assert f"@{told['host']}" in registry.address
