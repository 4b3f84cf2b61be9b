from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fixtures.buckets import Server, s3_environment


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "clips") as found:
        yield found
