"""Uploaded files that lie: bombs, fragments and things that are no audio. Each has its sentence, and a good file beside them its answer."""

import io
import json
import struct
import zipfile
from collections.abc import Callable

import pytest

from tests.fixtures.besieged import FORM, PREDICT, SOUND, Answer, ask, file, form
from tests.fixtures.running import Running
from tests.fixtures.sounds import HOSTILE, encoded, sine, wav_bytes


def _zipped() -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.wav", b"\0" * 2**24)
    return content.getvalue()


def _flac_of(frames: int, rate: int = 44100) -> bytes:
    """A FLAC of a second whose header claims other frames."""
    content = bytearray(encoded(sine(440, 1, 44100), 44100, "FLAC"))
    packed = int.from_bytes(content[18:26], "big")
    kept = packed >> 36 & (1 << 8) - 1  # channels and depth, between the rate and the frames
    content[18:26] = (rate << 44 | kept << 36 | frames).to_bytes(8, "big")
    return bytes(content)


def _ogg_of(granule: int) -> bytes:
    """An OGG of a second whose last page claims to end elsewhere."""
    content = bytearray(encoded(sine(440, 1, 44100), 44100, "OGG"))
    last = content.rfind(b"OggS")
    content[last + 6 : last + 14] = struct.pack("<q", granule)
    return bytes(content)


def _wav64() -> bytes:
    sizes = struct.pack("<4sI4s4sIQQQI", b"RF64", 2**32 - 1, b"WAVE", b"ds64", 28, 2**62, 2**62, 2**60, 0)
    return sizes + wav_bytes(44100, 1, 1000)[12:]


BOMBS: dict[str, Callable[[], bytes]] = {
    **{name: make for name, (make, _) in HOSTILE.items() if name != "wide.wav"},
    "billion_frames.flac": lambda: _flac_of(10**9),
    "most_frames.flac": lambda: _flac_of(2**36 - 1),
    "one_hertz.flac": lambda: _flac_of(2**36 - 1, 1),
    "last_page.ogg": lambda: _ogg_of(2**62),
    "before_the_start.ogg": lambda: _ogg_of(-5),
    "two_thousand_channels.wav": lambda: wav_bytes(44100, 2000, 10),
    "one_hertz.wav": lambda: wav_bytes(1, 1, 1000),
    "ten_megahertz.wav": lambda: wav_bytes(10_000_000, 1, 1000),
    "zip.wav": _zipped,
    "page.mp3": lambda: b"<!DOCTYPE html><html>" * 1000,
    "tag_without_end.mp3": lambda: b"ID3\x04\0\0\x7f\x7f\x7f\x7f" + b"\0" * 10_000,
    "zeros.mp3": lambda: b"\0" * 2**20,
    "frames_of_nothing.mp3": lambda: b"\xff\xfb\x90\x64" * 20_000,
    "caf.wav": lambda: b"caff\0\1\0\0desc" + b"\xff" * 2000,
    "au.wav": lambda: struct.pack(">4sIIIII", b".snd", 2**32 - 1, 2**32 - 1, 3, 44100, 1) + b"\0" * 100,
    "aiff.wav": lambda: b"FORM\xff\xff\xff\xffAIFFCOMM\0\0\0\x12\0\x01\xff\xff\xff\xff\0\x10" + b"\xff" * 10 + b"SSND" + b"\xff" * 100,
}

STRANGE: dict[str, Callable[[], bytes]] = {  # heard as far as they go
    "thousand_channels.wav": lambda: wav_bytes(44100, 1000, 10),
    "sixty_four_bits.wav": _wav64,
}


def _heard(besieged: Running, *files: tuple[str, bytes]) -> Answer:
    return ask(besieged, "POST", PREDICT, FORM, form([(file(name.encode()), content) for name, content in files]))


@pytest.mark.parametrize("name", BOMBS)
def test_a_bad_file_is_told_and_the_good_one_is_heard(besieged: Running, name):
    answer = _heard(besieged, ("good.wav", SOUND), (name, BOMBS[name]()), ("good.wav", SOUND))
    assert answer.status == 200, answer
    first, bad, last = json.loads(answer.body)
    assert first == last
    assert set(first) == {"low", "mid", "high"}
    assert bad["error"].startswith(name), bad


@pytest.mark.parametrize("name", STRANGE)
def test_a_strange_file_is_heard_as_far_as_it_goes(besieged: Running, name):
    answer = _heard(besieged, (name, STRANGE[name]()))
    assert set(json.loads(answer.body)[0]) == {"low", "mid", "high"}


def test_all_of_them_together_and_again(besieged: Running):
    files = [(name, make()) for name, make in BOMBS.items()]
    for _ in range(5):
        answer = _heard(besieged, *files)
        assert answer.status == 400, answer
        assert "not one of" in str(answer.detail)
    assert _heard(besieged, *files * 5).status == 413  # what was decoded of them counts, though all of them failed


def test_more_audio_than_a_request_may_hold_is_refused(besieged: Running):
    minute = wav_bytes(1000, 1, 60 * 1000)
    answer = _heard(besieged, *[(f"{number}.wav", minute) for number in range(21)])
    assert (answer.status, answer.detail) == (413, "the request holds more than 1200 s of audio: send it in parts")
