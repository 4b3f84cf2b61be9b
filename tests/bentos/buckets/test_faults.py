"""S3 that refuses, is away, or is none."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import boto3
import pytest

from bentos.source_errors import SourceError
from bentos.sources import Sources
from tests.fixtures.buckets import Server

from .conftest import post, refusal, tone


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
