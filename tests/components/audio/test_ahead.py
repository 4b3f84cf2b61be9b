"""What lies on S3 is asked for ahead, within bounds, and let go where nobody takes it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.audio import Fetchers, ahead, digest_of, near
from components.s3 import AT_ONCE
from components.s3.remote import Fetched
from tests.fixtures.buckets import Server, s3_environment


@pytest.fixture
def bucket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with s3_environment(monkeypatch, tmp_path / "mirror", "clips") as server:
        yield server


@pytest.fixture
def fetchers() -> Iterator[Fetchers]:
    found = Fetchers()
    yield found
    found.close()


def test_what_lies_here_is_itself(fetchers: Fetchers) -> None:
    with fetchers.ask("here/a.wav")() as source:
        assert source == "here/a.wav"


def test_it_is_what_near_gives(fetchers: Fetchers, bucket: Server) -> None:
    bucket.put("a.wav", b"some bytes")
    arrived = fetchers.ask("s3://clips/a.wav")
    with arrived() as source, near("s3://clips/a.wav") as same:
        assert digest_of(source) == digest_of(same)
    assert isinstance(source, Fetched)
    assert source.closed


@pytest.mark.parametrize(("size", "most"), [(1, AT_ONCE + 1), (ahead.AHEAD_BYTES // 3, 3), (2 * ahead.AHEAD_BYTES, 1)])
def test_few_are_asked_for(fetchers: Fetchers, monkeypatch: pytest.MonkeyPatch, size: int, most: int) -> None:
    asked, ahead_of_us = list[str](), list[int]()
    monkeypatch.setattr(fetchers, "ask", asked.append)
    names = [str(place) for place in range(40)]
    for taken, (name, _) in enumerate(fetchers.ahead(names, str, lambda _: size)):
        assert name == names[taken]
        ahead_of_us.append(len(asked) - taken)
    assert asked == names
    assert max(ahead_of_us) == most


def test_what_nobody_took_is_let_go(bucket: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    given = []

    def noted(source: str) -> object:
        found = near(source)
        given.append(found)
        return found

    bucket.put("a.wav", b"some bytes")
    monkeypatch.setattr(ahead, "near", noted)
    fetchers = Fetchers()
    for _ in range(3):
        fetchers.ask("s3://clips/a.wav")
    fetchers.ask("s3://clips/missing.wav")
    fetchers.close()
    assert fetchers._left == set()
    assert all(one.gen.gi_frame is None for one in given)  # each of them has come to its end
