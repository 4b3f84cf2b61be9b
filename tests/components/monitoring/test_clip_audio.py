"""The bytes of logged clips: where they may lie, and what is said where they cannot be read."""

import errno
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import pytest
from blake3 import blake3

from components.errors import S3Error
from components.monitoring import kept_audio
from components.monitoring.clip_audio import first_with, may_be_there, open_clip

SOUND = b"sound"
CONTENT = blake3(SOUND).hexdigest()


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data root with a clip."""
    root = tmp_path / "data"
    (root / "clips").mkdir(parents=True)
    (root / "clips" / "a.wav").write_bytes(SOUND)
    monkeypatch.setenv("TIMBRE_DATA_ROOTS", str(root))
    return root


@pytest.mark.parametrize("source", ["clips/a.wav", "data/clips/a.wav", "./clips//a.wav", "{root}/clips/a.wav"])
def test_a_clip_is_found_by_every_name_that_the_service_takes(root: Path, source: str) -> None:
    source = source.format(root=root)
    assert may_be_there(source, None, [root])
    with open_clip(CONTENT, source, None) as file:
        assert file.read() == SOUND


@pytest.mark.parametrize("source", [None, "", "clips", "clips/b.wav", "../outside.wav", "link.wav", "s3://bucket/a.wav", "a\0", "x" * 300])
def test_what_is_no_file_below_a_root_is_not_there(root: Path, source: str | None) -> None:
    (root.parent / "outside.wav").write_bytes(SOUND)
    (root / "link.wav").symlink_to(root.parent / "outside.wav")
    assert not may_be_there(source, None, [root])
    with pytest.raises(FileNotFoundError):
        open_clip(CONTENT, source, None)


def test_only_the_roots_that_are_given_are_asked(root: Path) -> None:
    assert not may_be_there("clips/a.wav", None, [root.parent])
    assert may_be_there("clips/a.wav", None, [root.parent, root])


def refusing(error: OSError) -> Callable[[], BinaryIO]:
    def opener() -> BinaryIO:
        raise error

    return opener


@pytest.mark.parametrize("code", [errno.EIO, errno.ESTALE, errno.EACCES, errno.ENFILE])
def test_what_a_disk_does_not_give_may_come_another_time(code: int) -> None:
    away = refusing(OSError(code, "no"))
    with pytest.raises(OSError, match="cannot be read at the moment") as caught:
        first_with(CONTENT, [away, refusing(FileNotFoundError(errno.ENOENT, "no"))])
    assert not isinstance(caught.value, FileNotFoundError)
    with first_with(CONTENT, [away, lambda: io.BytesIO(SOUND)]) as file:
        assert file.read() == SOUND


@pytest.mark.parametrize("error", [FileNotFoundError(errno.ENOENT, "no"), OSError(errno.ELOOP, "no"), OSError("it is no regular file")])
def test_what_is_no_file_is_gone(error: OSError) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere any more"):
        first_with(CONTENT, [refusing(error), lambda: io.BytesIO(b"changed since")])


@pytest.mark.parametrize(("kind", "gone"), [("missing", True), ("large", True), ("away", False), ("credentials", False), ("denied", False)])
def test_s3_tells_what_is_gone(monkeypatch: pytest.MonkeyPatch, kind: str, gone: bool) -> None:
    def of(_address: str) -> Any:
        raise S3Error("no", kind)

    monkeypatch.setattr(kept_audio.Remote, "of", of)
    with pytest.raises(FileNotFoundError if gone else OSError, match="nowhere" if gone else "at the moment"):
        open_clip(CONTENT, None, "s3://kept/clip")
