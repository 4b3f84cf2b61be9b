"""Decodes a source within limits to a mono clip at the wanted rate; the one way in, so that every path gives the same samples.

It reads every format that libsndfile recognises by its content (headerless RAW, VOX and GSM have no such sign).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import soxr

from components.audio.limits import Limits, check_rate
from components.audio.resample import Block, Resampler, mono
from components.audio.rounding import Clip16, round_parts
from components.audio.source import Sound, Source, name_of, opened
from components.errors import AudioError

FORMAT = 1  # of what `load` returns; raise it when the samples change for another reason than a library
DECODER_VERSION = (
    f"timbre {FORMAT}, soundfile {soundfile.__version__}, libsndfile {soundfile.__libsndfile_version__}, "
    f"soxr {soxr.__version__} ({soxr.__libsoxr_version__})"
)

BLOCK_VALUES = 1 << 18  # samples of all channels decoded at once: 1 MiB, which stays in the processor's cache and in the heap
MAX_CHANNELS = 1024  # libsndfile's own
SLACK_S = 0.1  # what a header may announce too much
MP3_SLACK = 0.1  # likewise, as a share: an MP3 without a Xing header only lets its length be guessed
_INTEGER_SCALES = {np.dtype(np.int8): 2.0**-7, np.dtype(np.int16): 2.0**-15, np.dtype(np.int32): 2.0**-31, np.dtype(np.uint8): 2.0**-7}


@dataclass(frozen=True)
class Header:
    """What a file says of itself; `format` is libsndfile's name (WAV, FLAC, OGG, MP3...)."""

    duration_s: float
    sample_rate: int
    channels: int
    format: str


def probe(source: Source, limits: Limits = Limits()) -> Header:  # noqa: B008 - frozen
    """Read the header; only where it does not tell the length is the clip decoded, within the limits, to count it.

    Raises:
        AudioError: if the source is no readable audio, is cut short, holds no samples or passes a limit.
    """
    name = name_of(source)
    with opened(source) as sound:
        frames = _announced(sound, limits, name)
        if frames is None:
            frames = sum(len(block) for block in _blocks(sound, limits, name))
        if frames == 0:
            raise AudioError(f"{name} holds no samples: leave it out")
        return Header(frames / sound.samplerate, int(sound.samplerate), int(sound.channels), str(sound.format))


def load(source: Source, sample_rate: int, limits: Limits = Limits()) -> Clip16:  # noqa: B008 - frozen
    """Decode to mono (the mean of the channels) at `sample_rate`, rounded to 16 bits with one scale.

    The same content gives the same bits, be it a path, bytes or a file object, on any thread.

    Args:
        source: a regular file's path, a file's bytes, or a seekable binary file object, which is left open.
        sample_rate: of the result, in Hz.
    Raises:
        AudioError: if the source is no readable audio, is cut short, passes a limit, or holds no samples, NaN or infinity.
    """
    return load_with_header(source, sample_rate, limits)[0]


def load_with_header(source: Source, sample_rate: int, limits: Limits = Limits()) -> tuple[Clip16, Header]:  # noqa: B008 - frozen
    """`load`, and what the file was before: its length is that of what was decoded."""
    name = name_of(source)
    with opened(source) as sound:
        _announced(sound, limits, name)
        resampler = _resampler(sound.samplerate, sample_rate, name)
        frames = 0
        for block in _blocks(sound, limits, name):
            waveform = mono(block)
            _check_finite(waveform, frames, sound.samplerate, name)
            resampler.feed(waveform)
            frames += len(block)
        clip = _rounded(resampler, frames, name)
        return clip, Header(frames / sound.samplerate, int(sound.samplerate), int(sound.channels), str(sound.format))


def from_array(y: npt.ArrayLike, sr: int, sample_rate: int, limits: Limits = Limits()) -> Clip16:  # noqa: B008 - frozen
    """A waveform in memory, treated as `load` treats a file's.

    Args:
        y: [time], [channel, time] or [time, channel]: the shorter axis holds the channels. Floats are amplitudes; int8, int16 and
            int32 have full scale at 1, uint8 is centred on 128.
        sr: its rate in Hz.
        sample_rate: of the result, in Hz.
    Raises:
        AudioError: if the shape, type or rate does not fit, a limit is passed, or it holds no samples, NaN or infinity.
    """
    name = "the waveform"
    block = _as_float(np.asarray(y))
    check_rate(sr, name)
    limits.check(block.shape[0], sr, block.shape[1], name)
    resampler = _resampler(sr, sample_rate, name)
    waveform = mono(block)
    _check_finite(waveform, 0, sr, name)
    resampler.feed(waveform)
    return _rounded(resampler, len(waveform), name)


def _announced(sound: Sound, limits: Limits, name: str) -> int | None:
    """The header's frames within the limits, or None where it does not tell them."""
    check_rate(sound.samplerate, name)
    if sound.known_frames is not None:
        limits.check(sound.known_frames, sound.samplerate, sound.channels, name)
    if sound.claim and sound.known_frames:
        announced, there = sound.claim
        _check_complete(sound.known_frames * announced // there, sound.known_frames, sound, name)
    return sound.known_frames


def _blocks(sound: Sound, limits: Limits, name: str) -> Iterator[Block]:
    """The file in blocks [time, channel], 16-bit samples as they are and all others as floats, the limits checked as they come."""
    kind = "int16" if sound.subtype == "PCM_16" else "float32"  # libsndfile makes floats several times as slowly
    size = max(1, BLOCK_VALUES // sound.channels)
    frames = 0
    while sound.known_frames is None or frames < sound.known_frames:
        wanted = size if sound.known_frames is None else min(size, sound.known_frames - frames)
        try:
            block = sound.read(wanted, dtype=kind, always_2d=True)
        except soundfile.LibsndfileError as error:
            reason = str(error.error_string).rstrip(".")
            raise AudioError(f"{name} breaks off after {frames / sound.samplerate:.2f} s ({reason}): fetch or export it again") from None
        if not len(block):
            break
        frames += len(block)
        if limits.spend is not None:
            limits.spend(len(block), int(sound.samplerate), int(sound.channels))
        limits.check(frames, sound.samplerate, sound.channels, name)
        yield block
    if sound.known_frames is not None:
        _check_complete(sound.known_frames, frames, sound, name)


def _check_complete(announced: int, there: int, sound: Sound, name: str) -> None:
    slack = SLACK_S * sound.samplerate + (MP3_SLACK * announced if sound.format == "MP3" else 0)
    if announced - there > slack:
        raise AudioError(
            f"{name} is cut short: its header says {announced / sound.samplerate:.2f} s and {there / sound.samplerate:.2f} s are there; "
            "fetch or export it again"
        )


def _check_finite(waveform: npt.NDArray[np.float32], offset: int, sample_rate: int, name: str) -> None:
    finite = np.isfinite(waveform)
    if not finite.all():
        where_s = (offset + int(finite.argmin())) / sample_rate
        raise AudioError(f"{name} holds NaN or infinite samples from {where_s:.2f} s on: repair it or leave it out")


def _resampler(from_hz: int, to_hz: int, name: str) -> Resampler:
    check_rate(to_hz, f"the result for {name}")
    return Resampler(int(from_hz), int(to_hz))


def _rounded(resampler: Resampler, frames: int, name: str) -> Clip16:
    clip = round_parts(resampler.finish() if frames else [])
    if not len(clip.samples):
        raise AudioError(f"{name} holds no samples: leave it out")
    return clip


def _as_float(y: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """[time, channel] float32."""
    if y.ndim not in (1, 2) or y.size == 0 or (y.ndim == 2 and min(y.shape) > MAX_CHANNELS):
        raise AudioError(f"a waveform has the shape [time], [channel, time] or [time, channel], got {list(y.shape)}")
    y = y[:, np.newaxis] if y.ndim == 1 else (y.T if y.shape[0] <= y.shape[1] else y)
    if y.dtype in _INTEGER_SCALES:
        centred = y.astype(np.float32) - np.float32(128 if y.dtype == np.uint8 else 0)
        return centred * np.float32(_INTEGER_SCALES[y.dtype])
    if not np.issubdtype(y.dtype, np.floating):
        raise AudioError(f"a waveform holds floats, or integers of 8, 16 or 32 bits, got {y.dtype}: convert it to float32 amplitudes")
    with np.errstate(over="ignore"):
        return y.astype(np.float32, copy=False)
