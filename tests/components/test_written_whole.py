"""A file appears whole or not at all, whatever is cut off."""

import os
from pathlib import Path

import pytest

from components.files import write_whole


def test_the_bytes_are_on_the_disk_before_the_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, kept = tmp_path / "new" / "a.json", []
    sync = os.fsync

    def watched(number: int) -> None:
        sync(number)
        kept.append((os.fstat(number).st_size, path.exists()))

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(path, b"abc")
    assert kept == [(3, False)]
    assert [file.read_bytes() for file in path.parent.iterdir()] == [b"abc"]


def test_what_was_there_stays_where_writing_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.json"
    write_whole(path, b"old")

    def full(number: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(path, b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]
