"""An object changes only where it is as was believed; of two at once one writes."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.errors import S3Error
from components.s3 import Remote
from components.s3.connect import connection, failure
from tests.fixtures.buckets import Server

THERE = Remote.of("s3://clips/some")


def test_what_is_there_is_changed_by_who_knows_it(server: Server) -> None:
    first = THERE.swap("one", b"first", None)
    assert first == THERE.tag("one")
    assert THERE.swap("one", b"another", None) is None
    second = THERE.swap("one", b"second", first)
    assert second not in (None, first)
    assert THERE.swap("one", b"third", first) is None
    assert THERE.read("one") == b"second"
    THERE.remove("one")
    assert THERE.tag("one") is None
    assert THERE.swap("one", b"third", second) is None


def test_of_many_at_once_one_writes(server: Server) -> None:
    tag = THERE.swap("one", b"first", None)
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda number: THERE.swap("one", b"%d" % number, tag), range(8)))
    assert sum(new is not None for new in found) == 1
    assert THERE.read("one") == b"%d" % next(number for number, new in enumerate(found) if new)


def test_a_change_between_looking_and_writing_is_seen(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.put("some/one", b"another")
    monkeypatch.setattr(Remote, "tag", lambda *_: None)
    assert THERE.swap("one", b"mine", None) is None
    assert THERE.read("one") == b"another"


def test_ones_own_lost_answer_is_no_other(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    """The client tries again where an answer does not come, and then finds what it wrote itself."""
    tag = THERE.swap("one", b"mine", None)
    monkeypatch.setattr(Remote, "tag", lambda *_: None)
    assert THERE.swap("one", b"mine", None) == tag


def test_a_server_without_conditions_is_written_to_all_the_same(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    class Older:
        """It refuses what it does not know."""

        def call_s3(self, method: str, **given: Any) -> Any:
            if {"IfMatch", "IfNoneMatch"} & set(given):
                raise OSError("not implemented") from ClientError({"Error": {"Code": "NotImplemented"}}, "PutObject")
            return real.call_s3(method, **given)

    real = connection()
    monkeypatch.setattr("components.s3.remote.connection", Older)
    tag = THERE.swap("one", b"first", None)
    assert THERE.swap("one", b"another", None) is None
    assert THERE.swap("one", b"second", tag)
    assert server.client.get_object(Bucket="clips", Key="some/one")["Body"].read() == b"second"


def test_what_is_wrong_otherwise_is_told(server: Server) -> None:
    with pytest.raises(S3Error, match="there is no bucket elsewhere"):
        Remote.of("s3://elsewhere/some").swap("one", b"", None)
    assert failure(ClientError({"Error": {"Code": "ConditionalRequestConflict"}}, "PutObject"), "s3://clips/a").kind == "taken"
