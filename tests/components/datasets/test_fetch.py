"""Fetching, against a server on this machine that breaks off, knows ranges or does not, and answers wrongly."""

import hashlib
import io
import logging
import re
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest

from components.datasets.fetch import PUBLICATIONS, Archive, Publication, fetch
from components.datasets.resume import ResumingDownloader
from components.datasets.unpack import unpack
from components.errors import DataError


class Server(ThreadingHTTPServer):
    """Serves `files`; each entry of `cuts` ends one answer after so many bytes, each of `codes` is one answer's status."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {}
        self.cuts: list[int] = []
        self.codes: list[int] = []
        self.knows_ranges = True
        self.asked: list[str | None] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        wanted = self.headers.get("Range")
        self.server.asked.append(wanted)
        content = self.server.files.get(self.path.lstrip("/"))
        code = self.server.codes.pop(0) if self.server.codes else 200
        if content is None or code != 200:
            self.send_error(code if code != 200 else 404)
            return
        start = int(re.findall(r"\d+", wanted)[0]) if wanted and self.server.knows_ranges else 0
        if wanted and self.server.knows_ranges and start >= len(content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if wanted and self.server.knows_ranges else 200)
        if wanted and self.server.knows_ranges:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        cut = self.server.cuts.pop(0) if self.server.cuts else len(content)
        self.wfile.write(content[start : start + cut])

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield running
        running.shutdown()
        thread.join()


@pytest.fixture
def content() -> bytes:
    return np.random.default_rng(0).bytes(3 * 2**20 + 17)


def download(server: Server, tmp_path: Path, attempts: int = 3) -> bytes:
    ResumingDownloader(tmp_path / "x.part", attempts=attempts, pause_s=0.001)(f"{server.url}/x", str(tmp_path / "x"), None)
    return (tmp_path / "x").read_bytes()


def test_a_download_that_breaks_off_goes_on_where_it_stopped(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"], server.cuts = content, [2**20, 2**20]
    assert download(server, tmp_path) == content
    assert server.asked == [None, "bytes=1048576-", "bytes=2097152-"]
    assert not (tmp_path / "x.part").exists()


def test_it_goes_on_in_another_run(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"], server.cuts = content, [2**21]
    with pytest.raises(DataError, match="after 2097152 bytes, which are kept: try again to go on"):
        download(server, tmp_path, attempts=1)
    assert download(server, tmp_path) == content
    assert server.asked == [None, "bytes=2097152-"]


def test_a_server_without_ranges_starts_over(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"], server.cuts, server.knows_ranges = content, [1000], False
    assert download(server, tmp_path) == content


def test_what_is_whole_already_is_not_fetched_again(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"] = content
    (tmp_path / "x.part").write_bytes(content)
    assert download(server, tmp_path) == content


def test_what_is_longer_than_the_file_is_dropped(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"] = content
    (tmp_path / "x.part").write_bytes(content + b"more")
    assert download(server, tmp_path) == content


def test_a_busy_server_is_asked_again(server: Server, content: bytes, tmp_path: Path) -> None:
    server.files["x"], server.codes = content, [503, 429]
    assert download(server, tmp_path) == content


def test_a_server_that_stays_busy_or_away_is_an_error(server: Server, tmp_path: Path) -> None:
    server.files["x"], server.codes = b"x", [503] * 3
    with pytest.raises(DataError, match="cannot download http"):
        download(server, tmp_path)
    assert len(server.asked) == 3
    with pytest.raises(DataError, match="ConnectionError after 0 bytes"):
        ResumingDownloader(tmp_path / "y.part", attempts=2, pause_s=0.001)("http://127.0.0.1:9/y", str(tmp_path / "y"), None)


def test_a_missing_file_is_an_error_at_once(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"/x answers 404 Not Found: check the address, or name a mirror"):
        download(server, tmp_path)
    assert len(server.asked) == 1


def zipped(**members: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return stream.getvalue()


def tarred(*members: tarfile.TarInfo) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for member in members:
            archive.addfile(member, io.BytesIO(b"x" * member.size))
    return stream.getvalue()


def member(name: str, kind: bytes = tarfile.REGTYPE, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname, info.size = kind, target, 3 if kind == tarfile.REGTYPE else 0
    return info


def publish(server: Server, file: str, content: bytes, into: str = "train", checksum: str | None = "") -> dict[str, Publication]:
    server.files[file] = content
    known = f"md5:{hashlib.md5(content, usedforsecurity=False).hexdigest()}" if checksum == "" else checksum
    archive = Archive(file, f"{server.url}/{file}", known, into)
    return {"toy": Publication((archive,), "Toy is free", (f"irmastrain:{into}",))}


def test_fetched_verified_and_unpacked(server: Server, tmp_path: Path, caplog) -> None:
    content = zipped(**{"IRMAS/cel/a.txt": "a" * 5000, "__MACOSX/x": ""})
    publications = publish(server, "toy.zip", content)
    server.cuts = [40]
    with caplog.at_level(logging.INFO):
        specs = fetch("Toy", tmp_path / "data", publications=publications)
    assert specs == (f"irmastrain:{tmp_path}/data/train",)
    assert (tmp_path / "data/train/IRMAS/cel/a.txt").read_text() == "a" * 5000
    assert [entry.name for entry in (tmp_path / "data/train").iterdir()] == ["IRMAS"]
    assert "Toy is free" in caplog.text
    asked = len(server.asked)
    fetch("toy", tmp_path / "data", publications=publications)
    assert len(server.asked) == asked == 2


def test_a_mirror_has_the_same_names(server: Server, tmp_path: Path) -> None:
    server.files["mirror/toy.tgz"] = content = tarred(member("openmic/a.ogg"))
    publications = publish(server, "toy.tgz", content, into=".")
    del server.files["toy.tgz"]
    fetch("toy", tmp_path, mirror=f"{server.url}/mirror/", publications=publications)
    assert (tmp_path / "openmic/a.ogg").read_bytes() == b"xxx"


def test_another_file_than_the_published_one_is_refused(server: Server, tmp_path: Path) -> None:
    publications = publish(server, "toy.zip", zipped(a="b"), checksum="md5:" + "0" * 32)
    with pytest.raises(DataError, match=r"its checksum is not md5:0{32}"):
        fetch("toy", tmp_path, publications=publications)
    assert not (tmp_path / "train").exists()
    assert list((tmp_path / ".fetched").iterdir()) == []


def test_a_file_without_a_citable_checksum_is_named(server: Server, tmp_path: Path, caplog) -> None:
    fetch("toy", tmp_path, publications=publish(server, "toy.zip", zipped(a="b"), checksum=None))
    assert "toy.zip has no published checksum that could be cited: it is not verified" in caplog.text


def test_what_is_there_is_not_overwritten(server: Server, tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    (tmp_path / "train/a").write_text("mine")
    with pytest.raises(DataError, match="train/a is there already: move it away"):
        fetch("toy", tmp_path, publications=publish(server, "toy.zip", zipped(a="b")))
    assert (tmp_path / "train/a").read_text() == "mine"
    assert [entry.name for entry in (tmp_path / "train").iterdir()] == ["a"]


@pytest.mark.parametrize(
    "content",
    [
        zipped(**{"../out": "x"}),
        zipped(**{"/tmp/out": "x"}),  # noqa: S108
        zipped(**{"a\\..\\..\\out": "x"}),
        tarred(member("../out")),
        tarred(member("link", tarfile.SYMTYPE, "../.."), member("link/out")),
        tarred(member("hard", tarfile.LNKTYPE, "../../etc/passwd")),
        tarred(member("device", tarfile.CHRTYPE)),
    ],
    ids=["up", "root", "backslash", "far", "symlink", "hardlink", "device"],  # the bytes hold the time
)
def test_an_archive_that_would_write_outside_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "into").mkdir()
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(DataError, match="would write outside its folder"):
        unpack(tmp_path / "archive", tmp_path / "into")
    assert sorted(entry.name for entry in tmp_path.iterdir()) == ["archive", "into"]


@pytest.mark.parametrize(
    "content", [b"", b"no archive", zipped(a="b" * 1000)[:-40], tarred(member("a"))[:-30]], ids=["empty", "text", "zip", "tar"]
)
def test_a_damaged_archive_is_an_error(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "archive").write_bytes(content)
    with pytest.raises(DataError, match="is no archive or is damaged"):
        unpack(tmp_path / "archive", tmp_path)


def test_an_archive_that_does_not_fit_is_refused(tmp_path: Path, monkeypatch) -> None:
    (tmp_path / "archive").write_bytes(zipped(a="b" * 1000))
    monkeypatch.setattr("components.datasets.unpack.shutil.disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(DataError, match="make room"):
        unpack(tmp_path / "archive", tmp_path)


def test_an_unknown_name_prints_the_menu(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"unknown data set 'irmass' \(did you mean 'irmas'\?\): choose one of: irmas, openmic"):
        fetch("irmass", tmp_path)


def test_what_is_published() -> None:
    archives = [archive for publication in PUBLICATIONS.values() for archive in publication.archives]
    assert len(archives) == 5
    for archive in archives:
        assert archive.url.startswith("https://zenodo.org/records/")
        assert re.fullmatch("md5:[0-9a-f]{32}", archive.checksum)
