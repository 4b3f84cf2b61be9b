"""Objects that a client names, on a real S3 server."""

import errno
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from bentos.scratch import ROOM, Copy, Scratch
from bentos.source_errors import SourceError
from bentos.sources import Sources
from components.audio import load
from tests.fixtures.buckets import Server

from .conftest import ODD, refusal, tone


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
