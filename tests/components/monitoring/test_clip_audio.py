"""The bytes of logged clips: where they may lie, and what is said where they cannot be read."""

from pathlib import Path

import pytest
from blake3 import blake3

from components.monitoring.clip_audio import may_be_there, open_clip

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
