"""Objects that a client names, on a real S3 server."""

import errno
import io
import json
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import boto3
import numpy as np
import pytest
import soundfile

from bentos.scratch import ROOM, Copy, Scratch
from bentos.source_errors import SourceError
from bentos.sources import Sources
from components.audio import load
from tests.fixtures.buckets import Server, s3_server

ODD = "odd/a b+c?#%20é🎻&versionId=1?versionId=2;(*)'\".wav"


def post(url: str, body: bytes = b"") -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "text/plain"}, method="POST")  # noqa: S310 - our own server
    urllib.request.urlopen(request).close()  # noqa: S310


def tone() -> bytes:
    stream = io.BytesIO()
    soundfile.write(stream, np.sin(np.arange(800) * 0.1).astype(np.float32), 8000, format="WAV")
    return stream.getvalue()


@pytest.fixture(scope="module")
def moto() -> Iterator[Server]:
    with s3_server() as found:
        yield found


@pytest.fixture
def server(moto: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    for name, value in moto.environment.items():
        monkeypatch.setenv(name, value)
    post(f"{moto.url}/moto-api/reset")
    moto.make("clips", "private")
    for key in ("irmas/b.wav", "irmas/deep/a.wav", ODD):
        moto.put(key, tone())
    for key in ("irmas/b.txt", "irmas/", "irmas/.hidden.wav", "private.wav"):
        moto.put(key, b"cel\n")
    moto.put("secret.wav", tone(), "private")
    return moto


@pytest.fixture
def sources(server: Server) -> Sources:
    return Sources((), ("clips", "absent"), max_bytes=10_000, max_files=10, scratch=Scratch(20_000))


def refusal(sources: Sources, text: str) -> SourceError:
    with pytest.raises(SourceError) as raised:
        sources.files(text)
    with pytest.raises(SourceError) as again, sources.local(text):
        pass
    assert (again.value.kind, "\n" in str(raised.value)) == (raised.value.kind, False)
    return raised.value


@pytest.mark.parametrize("key", ["irmas/b.wav", ODD])
def test_an_object(sources: Sources, key: str) -> None:
    (file,) = sources.files(f"s3://clips/{key}")
    assert file.shown == f"s3://clips/{key}"
    with file.open() as opened:
        assert opened.name == file.shown
        assert np.array_equal(load(opened, 8000).samples, load(tone(), 8000).samples)


def test_all_below_a_prefix(sources: Sources) -> None:
    files = sources.files("s3://clips/irmas/")
    assert [file.shown for file in files] == ["s3://clips/irmas/b.wav", "s3://clips/irmas/deep/a.wav"]
    assert [file.open().read() for file in files] == [tone()] * 2
    assert len(sources.files("s3://clips/")) == 4


def test_new_objects_are_seen_at_once(sources: Sources, server: Server) -> None:
    assert len(sources.files("s3://clips/irmas/")) == 2
    assert refusal(sources, "s3://clips/irmas/new.wav").kind == "missing"
    server.put("irmas/new.wav", tone() + b"\0")
    assert len(sources.files("s3://clips/irmas/")) == 3
    assert len(sources.files("s3://clips/irmas/new.wav")[0].open().read()) == len(tone()) + 1


def test_a_listing_of_several_answers(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "3")
    for number in range(8):
        server.put(f"many/{number}.wav", b"")
    assert len(server.client.list_objects_v2(Bucket="clips", Prefix="many/")["Contents"]) == 3
    assert len(Sources((), ("clips",), 1, 8).files("s3://clips/many/")) == 8
    with pytest.raises(SourceError, match="brings more than 7 files"):
        Sources((), ("clips",), 1, 7).files("s3://clips/many/")


@pytest.mark.parametrize("text", ["s3://clips/none.wav", "s3://clips/irmas", "s3://clips/none/", "s3://absent/a.wav", "s3://absent/a/"])
def test_what_is_not_there(sources: Sources, text: str) -> None:
    assert refusal(sources, text).kind == "missing"


@pytest.mark.parametrize("text", ["s3://private/secret.wav", "s3://private/", "s3://clips-2/a.wav"])
def test_other_buckets(sources: Sources, text: str) -> None:
    error = refusal(sources, text)
    assert error.kind == "refused"
    assert "is in a bucket that this service does not read" in str(error)


@pytest.mark.parametrize(
    "text",
    ["s3://", "s3:///", "s3:///key", "s3://clips", "s3://CLIPS/a", "s3://a:b@clips/x", "s3://clips/" + "x" * 1025, "s3://clips/\0",
     "s3://clips/\ud800", "s3://cl ips/x", "s3://clips\n/x", "s3://127.0.0.1:9/clips/x", "s3://arn:aws:s3:x/y"],
)  # fmt: skip
def test_what_names_no_object(sources: Sources, text: str) -> None:
    assert refusal(sources, text).kind == "malformed"


def test_dots_in_a_key_are_a_key(sources: Sources) -> None:
    assert refusal(sources, "s3://clips/../private/secret.wav").kind == "missing"


def test_without_a_list_s3_is_off(server: Server) -> None:
    error = refusal(Sources((), (), 10_000, 10), "s3://clips/irmas/b.wav")
    assert error.kind == "refused"
    assert "which this service does not read" in str(error)


def test_too_large(sources: Sources, server: Server) -> None:
    server.put("big.wav", bytes(10_001))
    assert refusal(sources, "s3://clips/big.wav").kind == "too_large"
    (file,) = [file for file in sources.files("s3://clips/") if file.stem == "big"]
    with pytest.raises(SourceError, match="MiB are allowed") as raised:
        file.open()
    assert raised.value.kind == "too_large"


def test_an_object_that_grows_after_its_size_was_asked(sources: Sources, server: Server) -> None:
    (file,) = sources.files("s3://clips/irmas/b.wav")
    server.put("irmas/b.wav", bytes(5_000_000))
    with pytest.raises(SourceError, match=r"has 4\.8 MiB or more"):
        file.open()


def test_an_object_that_goes(sources: Sources, server: Server) -> None:
    (file,) = sources.files("s3://clips/irmas/b.wav")
    server.client.delete_object(Bucket="clips", Key="irmas/b.wav")
    with pytest.raises(SourceError, match="is not on S3: check bucket and key") as raised:
        file.open()
    assert raised.value.kind == "missing"


@pytest.fixture
def guarded(server: Server) -> Iterator[dict[str, str]]:
    """Credentials of a user that may read `clips`, on a server that checks them from here on."""
    with closing(boto3.client("iam", endpoint_url=server.url)) as iam:
        iam.create_user(UserName="service")
        allowed = {"Effect": "Allow", "Action": "s3:*", "Resource": ["arn:aws:s3:::clips", "arn:aws:s3:::clips/*"]}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
        iam.put_user_policy(UserName="service", PolicyName="read", PolicyDocument=policy)
        key = iam.create_access_key(UserName="service")["AccessKey"]
    post(f"{server.url}/moto-api/reset-auth", b"0")
    yield {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
    post(f"{server.url}/moto-api/reset-auth", b"Infinity")


def test_credentials_that_may(sources: Sources, guarded: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in guarded.items():
        monkeypatch.setenv(name, value)
    assert sources.files("s3://clips/irmas/b.wav")[0].open().read() == tone()
    assert refusal(sources, "s3://clips/none.wav").kind == "missing"


@pytest.mark.parametrize("text", ["s3://clips/irmas/b.wav", "s3://clips/irmas/", "s3://clips/none.wav"])
def test_wrong_credentials_are_not_a_missing_object(sources: Sources, guarded: dict[str, str], text: str) -> None:
    error = refusal(sources, text)
    assert error.kind == "denied"
    assert "its credentials are wrong or may not" in str(error)


def test_a_bucket_that_the_credentials_may_not_read(guarded: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in guarded.items():
        monkeypatch.setenv(name, value)
    assert refusal(Sources((), ("private",), 10_000, 10), "s3://private/secret.wav").kind == "denied"


def test_no_credentials_in_the_environment(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    error = refusal(sources, "s3://clips/irmas/b.wav")
    assert (error.kind, "no credentials for S3" in str(error)) == ("denied", True)


def test_a_server_that_is_away(sources: Sources, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    error = refusal(sources, "s3://clips/irmas/b.wav")
    assert error.kind == "away"
    assert "127.0.0.1" not in str(error)


def test_a_data_set_is_copied_and_removed(sources: Sources, server: Server, tmp_path: Path) -> None:
    with sources.local("s3://clips/irmas/", tmp_path) as folder:
        there = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
        assert there == [".hidden.wav", "b.txt", "b.wav", "deep/a.wav"]
        assert (folder / "b.wav").read_bytes() == tone()
        sources.check([folder / "b.wav"], folder)
        assert sources.hide(f"{folder}/b.wav is bad") == "b.wav is bad"
    with sources.local("s3://clips/irmas/b.txt", tmp_path) as path:
        assert (path.name, path.read_bytes()) == ("b.txt", b"cel\n")
    assert list(tmp_path.iterdir()) == []


def test_a_data_set_that_is_too_large_is_not_begun(sources: Sources, server: Server, tmp_path: Path) -> None:
    for number in range(3):
        server.put(f"big/{number}.wav", bytes(9_000))
    with pytest.raises(SourceError, match="MiB are allowed"), sources.local("s3://clips/big/", tmp_path):
        pass
    for number in range(45):
        server.put(f"many/{number}.txt", b"")
    with pytest.raises(SourceError, match="brings more than 10 files"), sources.local("s3://clips/many/", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("key", ["bad/../../escaped.wav", "bad//absolute.wav", "bad/" + "x" * 300, "bad/./a.wav"])
def test_keys_that_are_no_file_names(sources: Sources, server: Server, tmp_path: Path, key: str) -> None:
    server.put(key, tone())
    (tmp_path / "scratch").mkdir()
    with pytest.raises(SourceError, match="cannot be kept as a file"), sources.local("s3://clips/bad/", tmp_path / "scratch"):
        pass
    assert [path.name for path in tmp_path.rglob("*")] == ["scratch"]


def test_an_object_beside_a_folder_of_its_name(sources: Sources, server: Server, tmp_path: Path) -> None:
    server.put("both/a", b"x")
    server.put("both/a/b", b"x")
    with pytest.raises(SourceError, match="cannot be kept as a file"), sources.local("s3://clips/both/", tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []


class Broken(BaseHTTPRequestHandler):
    """No S3 that anyone wants: it breaks off, stays silent, speaks another language, or is always busy."""

    how = ""
    asked = 0

    def do_HEAD(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000")
        self.end_headers()

    def do_GET(self) -> None:
        Broken.asked += 1
        if self.how == "silent":
            time.sleep(0.6)
        if self.how == "busy":
            self.send_response(503)
            self.end_headers()
            return
        self.do_HEAD()
        if self.how == "breaks off":
            self.wfile.write(b"only this")
        if self.how == "endless":
            self.wfile.write(bytes(1000))

    def log_message(self, *_: object) -> None: ...


@pytest.fixture
def broken(server: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Broken]]:
    monkeypatch.setattr("bentos.buckets.READ_S", 0.3)
    Broken.asked = 0
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as http:
        threading.Thread(target=http.serve_forever, daemon=True).start()
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{http.server_port}")
        yield Broken
        http.shutdown()


@pytest.mark.parametrize("how", ["breaks off", "silent", "busy"])
def test_a_server_that_fails_is_asked_a_few_times(sources: Sources, broken: type[Broken], how: str) -> None:
    broken.how = how
    (file,) = sources.files("s3://clips/a.wav")
    with pytest.raises(SourceError, match=r"S3 gave no answer for 's3://clips/a\.wav': try again in a moment") as raised:
        file.open()
    assert raised.value.kind == "away"
    assert 2 <= broken.asked <= 4


def test_a_server_that_is_no_s3(sources: Sources, broken: type[Broken]) -> None:
    broken.how = "endless"
    with pytest.raises(SourceError, match="S3 gave no answer") as raised:
        sources.files("s3://clips/folder/")
    assert raised.value.kind == "away"


def test_an_object_goes_to_a_file_piece_by_piece(sources: Sources, server: Server, tmp_path: Path) -> None:
    content = bytes(range(256)) * 2**16
    server.put("large.wav", content)
    sizes = []
    with (tmp_path / "large.wav").open("xb") as file:
        sources.buckets.read("clips", "large.wav", len(content), file, sizes.append)
    assert (tmp_path / "large.wav").read_bytes() == content
    assert (sum(sizes), max(sizes) <= 2**20) == (len(content), True)


def test_copies_share_the_room_for_temporary_bytes(server: Server, tmp_path: Path) -> None:
    server.put("large/a.wav", bytes(3_000_000))
    sources = Sources((), ("clips",), 10_000_000, 10, Scratch(5_000_000))
    with sources.local("s3://clips/large/", tmp_path):
        for ask in (lambda: sources.local("s3://clips/large/", tmp_path), sources.files("s3://clips/large/a.wav")[0].opened):
            with pytest.raises(SourceError, match="no room") as raised, ask():
                pass
            assert raised.value.kind == "full"
    with sources.local("s3://clips/large/", tmp_path), pytest.raises(SourceError, match="no room"):
        Copy(sources.scratch, 2_000_001)
    Copy(sources.scratch, 5_000_000).close()
    assert list(tmp_path.iterdir()) == []


def test_what_is_promised_to_one_copy_is_not_given_to_another(monkeypatch: pytest.MonkeyPatch) -> None:
    free = [ROOM + 1000]
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=free[0]))
    scratch = Scratch(10_000)
    first = Copy(scratch, 600)
    with pytest.raises(SourceError, match="no room"):
        Copy(scratch, 600)
    first.wrote(500)
    free[0] -= 500
    Copy(scratch, 400)
    with pytest.raises(SourceError, match="no room"):
        Copy(scratch, 1)


def test_a_disk_that_is_full_is_said_to_be(sources: Sources, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("bentos.buckets.Buckets.read", fail)
    with pytest.raises(SourceError) as raised, sources.local("s3://clips/irmas/", tmp_path):
        pass
    assert raised.value.kind == "full"
