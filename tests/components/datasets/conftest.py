"""Small data sets made by formula."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.fixtures.sounds import encoded, sine

Tone = Callable[..., Path]
SAMPLE_RATE = 8000


@pytest.fixture
def tone(tmp_path: Path) -> Tone:
    """Writes a sine under a name, in the format of its ending; no two are equal."""
    made = 0

    def write(name: str, duration_s: float = 0.25) -> Path:
        nonlocal made
        made += 1
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        kind = {"AIF": "AIFF", "WAVE": "WAV"}.get(path.suffix[1:].upper(), path.suffix[1:].upper())
        path.write_bytes(encoded(sine(100 + 10 * made, duration_s, SAMPLE_RATE), SAMPLE_RATE, kind))
        return path

    return write


@pytest.fixture
def labelled(tone: Tone) -> Callable[..., Path]:
    """Writes an IRMAS test clip: a sine and its label file."""

    def write(name: str, *codes: str, copy_of: Path | None = None) -> Path:
        path = tone(name)
        if copy_of:
            shutil.copyfile(copy_of, path)
        path.with_suffix(".txt").write_text("".join(f"{code}\t\n" for code in codes))
        return path

    return write
