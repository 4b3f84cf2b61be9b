"""A real S3 server with some objects."""

import io
import urllib.request
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile

from bentos.scratch import Scratch
from bentos.source_errors import SourceError
from bentos.sources import Sources
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
