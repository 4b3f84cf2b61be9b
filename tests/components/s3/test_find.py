"""Objects that are named one by one are looked up with few requests, and only what may be seen is found."""

from collections import Counter
from typing import Any

import pytest

from components.errors import S3Error
from components.s3 import Remote, find, remote
from tests.fixtures.buckets import Server


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each method is called."""
    calls, real = Counter[str](), Remote._ask

    def counted(place: Remote, method: str, *name: str, **more: Any) -> Any:
        calls[method] += 1
        return real(place, method, *name, **more)

    monkeypatch.setattr(Remote, "_ask", counted)
    return calls


def test_what_is_found_is_what_a_listing_says(server: Server, asked: Counter[str]) -> None:
    for number in range(25):
        server.put(f"some/{number:02d}.wav", bytes(number))
    server.put("some/deep/a.wav", b"1")
    server.put("top.wav", b"12")
    wanted = [f"s3://clips/some/{number:02d}.wav" for number in range(0, 25, 2)]
    found = find([*wanted, "s3://clips/some/deep/a.wav", "s3://clips/top.wav", "s3://clips/none.wav", "s3://clips", "s3://"])
    assert asked == {"list_objects_v2": 1, "head_object": 3}
    listed = {f"s3://clips/{name}": item for name, item in Remote.of("s3://clips").objects().items()}
    assert found == {address: listed[address] for address in [*wanted, "s3://clips/some/deep/a.wav", "s3://clips/top.wav"]}
    assert find([]) == {}


def test_no_more_is_listed_than_asking_would_cost(server: Server, asked: Counter[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAGE", 5)
    for number in range(50):
        server.put(f"some/{number:02d}.wav", b"1")
    wanted = [f"s3://clips/some/{number:02d}.wav" for number in (0, 1, 2, 3, *range(40, 50))]
    assert find(wanted).keys() == set(wanted)
    assert asked == {"list_objects_v2": 1, "head_object": 10}


def test_what_may_not_be_seen_is_not_found(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refusing(kind: str) -> Any:
        def refuse(*_: Any, **__: Any) -> None:
            raise S3Error("no", kind)

        return refuse

    wanted = [f"s3://clips/some/{number}.wav" for number in range(12)]
    for kind in ("denied", "name"):
        monkeypatch.setattr(Remote, "_ask", refusing(kind))
        assert find(wanted) == {}
        assert find(wanted[:1]) == {}
    monkeypatch.setattr(Remote, "_ask", refusing("away"))
    for some in (wanted, wanted[:1]):
        with pytest.raises(S3Error):
            find(some)
