"""A prefix on a real S3 server: what is written comes back whole, and what is refused is told apart."""

import errno
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from components.errors import S3Error
from components.s3 import Remote, address_of, is_remote, remote
from components.s3.connect import TRIES, connection, failure, refusal
from tests.fixtures.buckets import Server
from tests.fixtures.listeners import answering


def test_what_is_written_comes_back(server: Server, tmp_path: Path) -> None:
    there = Remote.of("s3://clips/some/place/")
    (tmp_path / "file").write_bytes(b"of a file")
    there.put("a.txt", b"bytes")
    there.put("b/c.txt", tmp_path / "file")
    server.put("some/placement.txt", b"not below")
    assert there.sizes() == {"a.txt": 5, "b/c.txt": 9}
    assert there.sizes("b") == {"b/c.txt": 9}
    assert there.read("a.txt") == b"bytes"
    assert Remote.of("s3://clips/some/place/a.txt").read() == b"bytes"
    assert there.fetch("b/c.txt", tmp_path / "new" / "c.txt").read_bytes() == b"of a file"
    assert (there.holds("a.txt"), there.holds("z.txt")) == (True, False)


def test_a_write_goes_its_way_once(server: Server) -> None:
    """An announced one waits to be let in first, which is another way there and back."""
    said: list[Any] = []
    connection().s3.meta.events.register_last("before-send.s3.PutObject", lambda request, **_: said.append(dict(request.headers)))
    Remote.of("s3://clips").put("a.txt", b"bytes")
    assert len(said) == 1
    assert "Expect" not in said[0]


def test_many_pages_are_listed_and_fetched(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote, "PAGE", 20)
    for number in range(105):
        server.put(f"many/{number:03d}.txt", str(number).encode())
    there = Remote.of("s3://clips/many")
    assert len(there.sizes()) == 105
    there.bring([f"{number:03d}.txt" for number in range(0, 105, 7)], tmp_path)
    assert sorted(int(path.read_text()) for path in tmp_path.glob("*.txt")) == list(range(0, 105, 7))


def test_a_large_object_passes_through_the_disk(server: Server) -> None:
    content = bytes(range(256)) * (17 * 2**12)
    server.put("large", content)
    with Remote.of("s3://clips").open("large") as file:
        assert file.name == "s3://clips/large"
        assert isinstance(file.fileno(), int)
        assert file.read() == content
    with pytest.raises(S3Error, match=r"s3://clips/large has 17\.0 MiB, more than the 1\.0 MiB") as refused:
        Remote.of("s3://clips").read("large", max_bytes=2**20)
    assert refused.value.kind == "large"


def test_an_object_goes_straight_to_its_file(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the folder for temporary files nor the memory holds all of it."""
    content = bytes(range(256)) * (17 * 2**12)
    server.put("large", content)
    monkeypatch.setattr(remote, "Fetched", None)
    monkeypatch.setattr(Remote, "read", None)
    assert Remote.of("s3://clips").fetch("large", tmp_path / "new" / "large").read_bytes() == content
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["large"]


def test_a_full_disk_is_told_from_a_server_that_is_away(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[object] = []

    def full(*given: object) -> None:
        tried.append(given)
        raise OSError(errno.ENOSPC, "No space left on device")

    server.put("one", b"bytes")
    monkeypatch.setattr(remote.Fetched, "write", full, raising=False)
    with pytest.raises(S3Error, match=r"cannot keep s3://clips/one in .* \(No space left on device\): .*TMPDIR") as refused:
        Remote.of("s3://clips").read("one")
    assert (refused.value.kind, len(tried)) == ("disk", 1)
    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(S3Error, match=r"cannot keep s3://clips/one in .*/mirror \(No space left on device\): .*TIMBRE_MIRROR") as refused:
        Remote.of("s3://clips").fetch("one", tmp_path / "mirror" / "one")
    assert (refused.value.kind, len(tried)) == ("disk", 2)
    assert not list((tmp_path / "mirror").iterdir())


def test_damage_is_seen(server: Server, tmp_path: Path) -> None:
    server.client.put_object(Bucket="clips", Key="one", Body=b"other bytes", Metadata={"timbre-sha256": "0" * 64})
    with pytest.raises(S3Error, match="s3://clips/one came damaged 4 times: write it again"):
        Remote.of("s3://clips").fetch("one", tmp_path / "one")
    assert not (tmp_path / "one").exists()


def test_what_is_missing(server: Server) -> None:
    with pytest.raises(S3Error, match="s3://clips/one is not on S3: check bucket and key") as refused:
        Remote.of("s3://clips").read("one")
    assert refused.value.kind == "missing"
    with pytest.raises(S3Error, match="there is no bucket elsewhere: make it, or check its name") as refused:
        Remote.of("s3://elsewhere/folder").check()
    assert refused.value.kind == "bucket"
    with pytest.raises(S3Error, match="names no bucket"):
        Remote.of("s3:///folder")


@pytest.mark.parametrize("ask", [Remote.check, Remote.read, lambda place: place.put("a", b"-"), lambda place: place.holds("a")])
@pytest.mark.parametrize(
    ("address", "kind", "said"),
    [
        ("s3://bad bucket/x", "bucket", "'bad bucket' is no name of a bucket: check how s3://bad bucket/x"),
        ("s3://b\udcff/x", "bucket", r"is no name of a bucket: check how s3://b\udcff/x"),
        ("s3://clips/k\udcff", "name", r"s3://clips/k\udcff"),
    ],
)
def test_what_can_be_no_name_is_said_in_one_line(
    server: Server, ask: Callable[[Remote], object], address: str, kind: str, said: str
) -> None:
    with pytest.raises(S3Error) as refused:
        ask(Remote.of(address))
    assert (refused.value.kind, said in str(refused.value)) == (kind, True)
    assert len(str(refused.value).encode().splitlines()) == 1


def test_a_bucket_is_no_object(server: Server) -> None:
    with pytest.raises(S3Error, match="s3://clips is no name of an object: after the bucket it needs 1 to 1,024 bytes"):
        Remote.of("s3://clips").read()


def test_a_server_that_is_away(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(S3Error, match=r"S3 gives no answer for s3://clips .*: check AWS_ENDPOINT_URL and try again") as refused:
        Remote.of("s3://clips").check()
    assert refused.value.kind == "away"


def test_a_busy_server_is_asked_four_times(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("botocore.retries.standard.ExponentialBackoff.delay_amount", lambda *_: 0.0)
    with answering(503) as (url, asked):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(S3Error, match="S3 gives no answer for s3://clips/one"):
            Remote.of("s3://clips").read("one")
    assert len(asked) == TRIES == 4


@pytest.mark.parametrize(
    ("code", "kind", "says"),
    [
        ("InvalidAccessKeyId", "credentials", "does not know these credentials (InvalidAccessKeyId)"),
        ("SignatureDoesNotMatch", "credentials", "does not know these credentials (SignatureDoesNotMatch)"),
        ("RequestTimeTooSkewed", "credentials", "refuses s3://clips/a, as the clock of this machine is not that of S3: set it"),
        ("InvalidBucketName", "bucket", "'clips' is no name of a bucket: check how s3://clips/a is spelt"),
        ("KeyTooLongError", "name", "s3://clips/a is no name of an object"),
        ("AccessDenied", "denied", "does not let these credentials at s3://clips/a"),
        ("PermanentRedirect", "region", "the bucket clips lies in another region"),
        ("XMinioStorageFull", "full", "no room left for s3://clips/a"),
    ],
)
def test_refusals_are_told_apart(code: str, kind: str, says: str) -> None:
    error = failure(ClientError({"Error": {"Code": code, "Message": "as the server says"}}, "GetObject"), "s3://clips/a")
    assert error.kind == kind
    assert re.search(re.escape(says), str(error))


def test_what_another_client_was_refused_is_found_among_the_causes() -> None:
    full = ClientError({"Error": {"Code": "XMinioStorageFull", "Message": "as the server says"}}, "PutObject")
    translated = OSError(5, "as the server says")
    translated.__cause__ = full
    wrapped = RuntimeError("a step failed")
    wrapped.__cause__ = translated
    assert refusal(wrapped) is refusal(translated) is translated
    assert failure(translated, "s3://clips/artifacts").kind == "full"
    assert refusal(OSError(28, "no space left on device")) is refusal(None) is None


def test_no_credentials(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with pytest.raises(S3Error, match=r"does not know these credentials \(none are set\)"):
        Remote.of("s3://clips").check()


def test_what_stands_for_an_object(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TIMBRE_MIRROR", str(tmp_path / "mirror"))
    assert is_remote("s3://clips/a.wav")
    assert address_of("s3://clips/a.wav") == "s3://clips/a.wav"
    assert address_of(tmp_path / "mirror" / "data" / "clips" / "a" / "b.wav") == "s3://clips/a/b.wav"
    assert address_of(tmp_path / "mirror" / "kept" / "clips" / "b.wav") is None
    assert address_of("a.wav") is None
