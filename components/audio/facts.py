"""What can be said of a clip's sound without knowing what plays: how loud, how high its peak, how much of it silent or clipped.

Loudness follows ITU-R BS.1770-4, whose filters are redesigned for the clip's rate as libebur128 does it. It differs in three ways:
it hears the mono mix of a clip as one channel (a stereo file with the same in both measures 3 LU less than it does by the standard), at
the rate of a tagger, and a clip below 400 ms is one block.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import scipy.fft

from components.audio.rounding import STEPS, Clip16

PIECE_S = 0.1  # blocks of four pieces follow each other a piece apart
PIECES = 4
SILENT_DB, CLIPPED = -60.0, 0.99
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
OFFSET_LU = -0.691
RESPONSE_S = 0.06  # of the filters, after which they ring below -90 dB
FRAMES = 4  # transformed at a time: as many as a processor does at once, and still in its cache
LEAST_HZ = 4000  # below which the first filter does not fit into the band
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """Of a mono clip; levels are None where there is nothing to hear.

    Attributes:
        loudness_lufs: integrated and gated; None below -70 LUFS too, and at rates below 4 kHz.
        peak_db: highest sample, 0 dB at full scale.
        silent_share: of pieces of 100 ms whose RMS lies below -60 dB (a full square wave has 0 dB).
        clipped_share: of samples at 0.99 of full scale or above.
    """

    loudness_lufs: float | None
    peak_db: float | None
    silent_share: float
    clipped_share: float


def facts_of(clip: Clip16, sample_rate: int) -> Facts:
    """The facts of a clip of one sample or more, in about a millisecond for 10 s at 22,050 Hz."""
    samples = clip.samples
    full = clip.scale * STEPS  # the amplitude of the highest step
    peak = max(int(samples.max()), -int(samples.min())) / STEPS
    if peak == 0:
        return Facts(None, None, 1.0, 0.0)
    waveform = np.multiply(samples, np.float32(1 / STEPS), dtype=np.float32)
    size = max(1, round(PIECE_S * sample_rate))
    return Facts(
        _loudness(waveform, sample_rate, size, full),
        20 * math.log10(peak * full),
        float((_powers(waveform, size) * full**2 < 10 ** (SILENT_DB / 10)).mean()),
        _clipped(samples, CLIPPED / clip.scale),
    )


def k_weighting(sample_rate: int) -> list[tuple[list[float], list[float]]]:
    """The standard's two filters at a rate: (numerator, denominator) of the high shelf, then of the high pass.

    At 48 kHz they have the coefficients that the standard prints.
    """
    tangent, quality = math.tan(math.pi * 1681.974450955533 / sample_rate), 0.7071752369554196
    high = 10 ** (3.999843853973347 / 20)
    band = high**0.4996667741545416
    norm = 1 + tangent / quality + tangent**2
    poles = [1.0, 2 * (tangent**2 - 1) / norm, (1 - tangent / quality + tangent**2) / norm]
    zeros = [high + band * tangent / quality + tangent**2, 2 * (tangent**2 - high), high - band * tangent / quality + tangent**2]
    shelf = [value / norm for value in zeros], poles
    tangent, quality = math.tan(math.pi * 38.13547087602444 / sample_rate), 0.5003270373238773
    norm = 1 + tangent / quality + tangent**2
    return [shelf, ([1.0, -2.0, 1.0], [1.0, 2 * (tangent**2 - 1) / norm, (1 - tangent / quality + tangent**2) / norm])]


def _loudness(waveform: Floats, sample_rate: int, size: int, full: float) -> float | None:
    if sample_rate < LEAST_HZ:
        return None
    weighted = _weighted(waveform, sample_rate)
    if len(weighted) < PIECES * size:
        blocks = np.array([float(np.dot(weighted, weighted)) / len(weighted)])
    else:
        pieces = _powers(weighted[: len(weighted) // size * size], size)
        blocks = np.convolve(pieces, np.full(PIECES, 1 / PIECES), "valid")
    blocks = blocks * full**2
    loud = blocks[blocks > _power(ABSOLUTE_GATE)]
    if not len(loud):
        return None
    return _level(loud[loud > _power(_level(loud.mean()) + RELATIVE_GATE)].mean())


def _weighted(waveform: Floats, sample_rate: int) -> Floats:
    """The waveform after both filters: their response, cut off where it has rung out, by overlap-save."""
    spectrum, taps, size = _response(sample_rate)
    step = size - taps
    frames = -(-len(waveform) // step)
    padded = np.zeros(taps + frames * step, np.float32)
    padded[taps : taps + len(waveform)] = waveform
    pieces = np.lib.stride_tricks.sliding_window_view(padded, size)[::step]
    filtered = np.empty((frames, step), np.float32)
    for first in range(0, frames, FRAMES):
        turned = scipy.fft.rfft(pieces[first : first + FRAMES], axis=1)
        turned *= spectrum
        filtered[first : first + FRAMES] = scipy.fft.irfft(turned, size, axis=1, overwrite_x=True)[:, taps:]
    return filtered.reshape(-1)[: len(waveform)]


@lru_cache(maxsize=8)
def _response(sample_rate: int) -> tuple[npt.NDArray[np.complex64], int, int]:
    """(spectrum of the filters' response, its samples, the transform's size)."""
    taps = math.ceil(RESPONSE_S * sample_rate)
    size = 1 << (4 * taps - 1).bit_length()
    turns = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    exact = np.ones(len(turns), complex)
    for zeros, poles in k_weighting(sample_rate):
        exact *= np.polyval(zeros[::-1], turns) / np.polyval(poles[::-1], turns)
    response = scipy.fft.irfft(exact, size)
    response[taps:] = 0
    return scipy.fft.rfft(response).astype(np.complex64), taps, size


def _powers(waveform: Floats, size: int) -> npt.NDArray[np.float64]:
    """[piece], the mean square of each; the last piece may be shorter."""
    whole = len(waveform) // size
    pieces = waveform[: whole * size].reshape(whole, size)
    powers = [np.einsum("ij,ij->i", pieces, pieces) / size]
    if rest := len(waveform) - whole * size:
        powers.append(np.array([np.dot(waveform[-rest:], waveform[-rest:]) / rest]))
    return np.concatenate(powers).astype(np.float64)


def _clipped(samples: npt.NDArray[np.int16], least: float) -> float:
    if least > STEPS:
        return 0.0
    step = math.ceil(least)
    return int(np.count_nonzero(samples >= step) + np.count_nonzero(samples <= -step)) / len(samples)


def _level(power: float) -> float:
    return OFFSET_LU + 10 * math.log10(power)


def _power(level: float) -> float:
    return float(10 ** ((level - OFFSET_LU) / 10))
