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

from components.audio.block_filter import BLOCK, BlockFilter, Kernel
from components.audio.rounding import Clip16

PIECE_S = 0.1  # blocks of four pieces follow each other a piece apart
PIECES = 4
SILENT_DB, CLIPPED = -60.0, 0.99
ABSOLUTE_GATE, RELATIVE_GATE = -70.0, -10.0
OFFSET_LU = -0.691
PART = 1 << 18  # samples that are filtered at a time, at least: 1 MiB, so that memory does not grow with the clip
LEAST_HZ = 4000  # below which the first filter does not fit into the band
Floats = npt.NDArray[np.float64]


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
    """The facts of a clip of one sample or more, in about half a millisecond for 10 s at 22,050 Hz (`bench_prediction_log.py`)."""
    samples = clip.samples
    highest = max(int(samples.max()), -int(samples.min()))
    if highest == 0:
        return Facts(None, None, 1.0, 0.0)
    powers, weighted = _powers(samples, sample_rate)
    return Facts(
        None if sample_rate < LEAST_HZ else _loudness(weighted * clip.scale**2, len(samples) % _piece(sample_rate) != 0),
        20 * math.log10(highest * clip.scale),
        float((powers * clip.scale**2 < 10 ** (SILENT_DB / 10)).mean()),
        _clipped(samples, CLIPPED / clip.scale) if highest * clip.scale >= CLIPPED else 0.0,
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


def _loudness(pieces: Floats, is_last_short: bool) -> float | None:
    """Of the weighted power of each piece of a clip; the last counts only where there are no four whole ones."""
    whole = pieces[:-1] if is_last_short else pieces
    blocks = np.convolve(whole, np.full(PIECES, 1 / PIECES), "valid") if len(whole) >= PIECES else np.array([pieces.mean()])
    loud = blocks[blocks > _power(ABSOLUTE_GATE)]
    if not len(loud):
        return None
    return _level(loud[loud > _power(_level(loud.mean()) + RELATIVE_GATE)].mean())


def _powers(samples: npt.NDArray[np.int16], sample_rate: int) -> tuple[Floats, Floats]:
    """Mean square of each piece in steps, as it is and after both filters; the last piece may be short."""
    piece, kernel = _piece(sample_rate), _kernel(sample_rate)
    weighting = None if kernel is None else BlockFilter(kernel)
    part = math.lcm(piece, BLOCK)
    part *= -(-PART // part)
    count = -(-len(samples) // piece)
    plain, weighted = np.empty(count), np.zeros(count)
    for start in range(0, len(samples), part):
        length = min(part, len(samples) - start)
        blocks = np.empty((-(-length // BLOCK), BLOCK), np.float32)
        waveform, rest = np.split(blocks.reshape(-1), [length])
        waveform[:], rest[:] = samples[start : start + length], 0
        pieces = slice(start // piece, start // piece + -(-length // piece))
        plain[pieces] = _squares(waveform, piece)
        if weighting is not None:
            weighting.feed(blocks)
            weighted[pieces] = _squares(waveform, piece)
    sizes = np.full(count, piece)
    sizes[-1] = len(samples) - (count - 1) * piece
    return plain / sizes, weighted / sizes


def _squares(waveform: npt.NDArray[np.float32], piece: int) -> npt.NDArray[np.float32]:
    """The sum of each piece's squares; the last piece may be short."""
    whole = len(waveform) // piece
    pieces, rest = waveform[: whole * piece].reshape(whole, piece), waveform[whole * piece :]
    sums = np.vecdot(pieces, pieces)
    return np.append(sums, rest @ rest) if len(rest) else sums


def _piece(sample_rate: int) -> int:
    return max(1, round(PIECE_S * sample_rate))


@lru_cache(maxsize=8)
def _kernel(sample_rate: int) -> Kernel | None:
    return None if sample_rate < LEAST_HZ else Kernel(k_weighting(sample_rate))


def _clipped(samples: npt.NDArray[np.int16], least: float) -> float:
    step = math.ceil(least)
    return int(np.count_nonzero(samples >= step) + np.count_nonzero(samples <= -step)) / len(samples)


def _level(power: float) -> float:
    return OFFSET_LU + 10 * math.log10(power)


def _power(level: float) -> float:
    return float(10 ** ((level - OFFSET_LU) / 10))
