"""Every hostile file is refused with a sentence, quickly and in little memory; one process reads them all and is measured."""

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.audio import load, probe
from components.errors import AudioError
from tests.fixtures.sounds import HOSTILE, wav_bytes, write_hostile

PEAK_MIB, SECONDS = 64, 5.0
READER = """
import json, sys, time
from components.audio import load
from components.errors import AudioError

def peak_mib():
    with open("/proc/self/status") as status:
        return next(int(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))

load(sys.argv[1], 22050)
before, said, took = peak_mib(), {}, {}
for path in sys.argv[2:]:
    start = time.monotonic()
    try:
        said[path] = f"{len(load(path, 22050).samples)} samples"
    except AudioError as error:
        said[path] = str(error)
    took[path] = time.monotonic() - start
print(json.dumps({"grew_mib": peak_mib() - before, "said": said, "took": took}))
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return write_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def read(hostile: dict[str, Path]) -> dict[str, Any]:
    if not Path("/proc/self/status").exists():
        pytest.skip("peak memory is read from /proc, which this system lacks")
    folder = hostile["empty.wav"].parent
    tame, wide = folder / "tame.wav", folder / "wide_but_allowed.wav"
    tame.write_bytes(wav_bytes(22050, 1, 22050))
    wide.write_bytes(wav_bytes(192_000, 8, 192_000 * 40))
    hostile = {**hostile, "wide_but_allowed.wav": wide}
    done = subprocess.run(
        [sys.executable, "-c", READER, str(tame), *map(str, hostile.values())], capture_output=True, text=True, timeout=60, check=True
    )
    answer = json.loads(done.stdout)
    return {
        "grew_mib": answer["grew_mib"],
        **{name: (answer["said"][str(path)], answer["took"][str(path)]) for name, path in hostile.items()},
    }


@pytest.mark.parametrize("name", [*HOSTILE, "pipe.wav"])
def test_it_is_refused_in_time(name: str, read: dict[str, Any]) -> None:
    said, took = read[name]
    assert (HOSTILE[name][1] if name in HOSTILE else "is no regular file") in said
    assert name in said
    assert "\n" not in said
    assert took < SECONDS


def test_none_takes_more_memory_than_a_few_blocks(read: dict[str, Any]) -> None:
    assert read["grew_mib"] < PEAK_MIB


def test_a_file_of_235_mib_of_pcm_is_read_within_the_same_memory(read: dict[str, Any]) -> None:
    said, took = read["wide_but_allowed.wav"]
    assert said == f"{22050 * 40} samples"
    assert took < SECONDS * 4


def test_the_ten_hours_fit_in_a_few_kilobytes(hostile: dict[str, Path]) -> None:
    assert hostile["ten_hours.flac"].stat().st_size < 10_000


@pytest.mark.parametrize("name", [name for name in HOSTILE if name not in {"nan.wav", "infinity.wav", "truncated.flac", "truncated.mp3"}])
def test_the_header_alone_gives_it_away(name: str, hostile: dict[str, Path]) -> None:
    with pytest.raises(AudioError, match=HOSTILE[name][1]):
        probe(hostile[name])


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"wide.wav"}))
@pytest.mark.parametrize("form", [bytes, io.BytesIO])
def test_bytes_and_file_objects_are_refused_likewise(form: Callable[[bytes], Any], name: str, hostile: dict[str, Path]) -> None:
    with pytest.raises(AudioError, match=f"the audio.* {HOSTILE[name][1]}"):
        load(form(hostile[name].read_bytes()), 22050)


def test_an_empty_file_object_is_called_by_its_name(hostile: dict[str, Path]) -> None:
    with hostile["empty.wav"].open("rb") as file, pytest.raises(AudioError, match=r"empty\.wav is empty: it holds no bytes$"):
        load(file, 22050)


def test_a_pipe_never_blocks(hostile: dict[str, Path]) -> None:
    start = time.monotonic()
    for door in (probe, lambda path: load(path, 22050)):
        with pytest.raises(AudioError, match="is no regular file"):
            door(hostile["pipe.wav"])
    assert time.monotonic() - start < 10


def test_paths_that_hold_no_file(tmp_path: Path) -> None:
    for path, says in (
        (tmp_path, "is no regular file"),
        (tmp_path / "absent.wav", "No such file"),
        ("/dev/zero", "is no regular file"),
        ("a\0b.wav", "null character"),
    ):
        with pytest.raises(AudioError, match=says):
            load(path, 22050)


def test_a_stream_that_cannot_be_rewound_is_refused() -> None:
    reading, writing = os.pipe()
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe, pytest.raises(AudioError, match="cannot be rewound: pass its bytes"):
        load(pipe, 22050)
