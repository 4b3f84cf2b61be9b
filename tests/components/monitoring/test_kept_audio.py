"""The bytes of scored clips, in a folder and on a real S3 server."""

import io
import logging
import threading
from collections import Counter
from pathlib import Path

import pytest

from components.errors import ConfigError
from components.monitoring.kept_audio import Bucket, Folder, KeptAudio, drop, fetch, may_hold, place_of
from tests.fixtures.buckets import s3_server

SHA = "ab" + "c" * 62


class Figures(Counter[str]):
    def count(self, outcome: str, clips: int) -> None:
        self[outcome] += clips


def test_a_folder_keeps_each_content_once(tmp_path: Path) -> None:
    figures = Figures()
    audio = KeptAudio(Folder(tmp_path), figures.count, 100)
    uri = audio.take(SHA, io.BytesIO(b"sound"))
    audio.close()
    assert uri == str(tmp_path / "ab" / SHA)
    assert Path(uri).read_bytes() == b"sound"
    assert KeptAudio(Folder(tmp_path), figures.count, 100).take(SHA, io.BytesIO(b"sound")) == uri
    assert figures == {"kept": 1}
    drop(uri)
    drop(uri)
    assert not Path(uri).exists()


def test_what_finds_no_room_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    figures, gate = Figures(), threading.Event()
    place = Folder(tmp_path)
    monkeypatch.setattr(place, "put", lambda *_: gate.wait(60))
    audio = KeptAudio(place, figures.count, max_bytes=10, most_bytes=15)
    assert audio.take("a" * 64, io.BytesIO(b"x" * 10)) is not None
    assert audio.take("b" * 64, io.BytesIO(b"x" * 10)) is None
    assert audio.take("c" * 64, io.BytesIO(b"x" * 11)) is None
    gate.set()
    audio.close()
    assert figures == {"skipped": 2, "kept": 1}


def test_a_place_that_fails_is_counted(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    figures = Figures()
    audio = KeptAudio(Folder(tmp_path / "file"), figures.count, 100)
    audio.take(SHA, io.BytesIO(b"sound"))
    audio.close()
    assert figures == {"failed": 1}


def test_a_source_that_breaks_off_is_counted_and_takes_no_room(tmp_path: Path) -> None:
    class Breaks(io.BytesIO):
        def read(self, _size: int | None = -1) -> bytes:
            raise OSError("the disk is away")

    figures = Figures()
    audio = KeptAudio(Folder(tmp_path), figures.count, max_bytes=10, most_bytes=10)
    assert audio.take("a" * 64, Breaks(b"x" * 10)) is None
    assert audio.take("b" * 64, io.BytesIO(b"x")) is not None
    assert audio.take("c" * 64, io.BytesIO(b"x" * 9)) is not None
    audio.close()
    assert figures == {"failed": 1, "kept": 2}


def test_a_disk_that_does_not_answer_holds_nothing(tmp_path: Path) -> None:
    unheard_of = tmp_path / ("x" * 300)  # no disk takes such a name
    with pytest.raises(OSError, match="too long"):
        unheard_of.is_file()
    assert not may_hold(str(unheard_of))
    figures = Figures()
    audio = KeptAudio(Folder(unheard_of), figures.count, 100)
    assert audio.take(SHA, io.BytesIO(b"sound")) is not None
    audio.close()
    assert figures == {"failed": 1}


def test_what_waits_still_at_the_end_is_said_once_and_counted_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.WARNING, "timbre.service")
    figures, gate = Figures(), threading.Event()
    place = Folder(tmp_path)
    monkeypatch.setattr(place, "put", lambda *_: gate.wait(60))
    audio = KeptAudio(place, figures.count, 100)
    for name in "abc":
        audio.take(name * 64, io.BytesIO(b"sound"))
    audio.close(0.1)
    assert figures == {"dropped": 3}
    gate.set()
    audio.close()
    assert figures == {"dropped": 3}
    assert caplog.messages == ["the audio of 3 clips is not kept: there was no time left for it"]


@pytest.mark.slow
def test_a_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    with s3_server() as server:
        server.make("kept")
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        figures = Figures()
        audio = KeptAudio(Bucket("s3://kept/clips/"), figures.count, 100)
        uri = audio.take(SHA, io.BytesIO(b"sound"))
        audio.close()
        assert uri == f"s3://kept/clips/{SHA}"
        assert server.client.get_object(Bucket="kept", Key=f"clips/{SHA}")["Body"].read() == b"sound"
        with fetch(uri, 100) as file:
            assert file.read() == b"sound"
        for wrong, most, says in ((uri, 4, "more than"), (f"{uri}x", 100, "is not on S3"), ("s3://none/x", 100, "there is no bucket none")):
            with pytest.raises(OSError, match=says):
                fetch(wrong, most)
        drop(uri)
        drop(uri)
        assert server.client.list_objects_v2(Bucket="kept")["KeyCount"] == 0
    assert figures == {"kept": 1}


def test_settings_name_a_place() -> None:
    assert place_of("none") is None
    assert isinstance(place_of("kept"), Folder)
    assert isinstance(place_of("s3://bucket/prefix"), Bucket)
    with pytest.raises(ConfigError, match="names no bucket"):
        place_of("s3://")


def test_what_a_folder_keeps_is_given_and_nothing_that_only_leads_there(tmp_path: Path) -> None:
    kept, link = tmp_path / "kept", tmp_path / "link"
    kept.write_bytes(b"sound")
    link.symlink_to(kept)
    with fetch(str(kept), 5) as file:
        assert file.read() == b"sound"
    for path, most in ((kept, 4), (link, 100), (tmp_path, 100), (tmp_path / "none", 100), (Path("/dev/zero"), 100)):
        with pytest.raises(OSError, match=r"."):
            fetch(str(path), most)
