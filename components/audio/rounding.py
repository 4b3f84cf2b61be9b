"""Rounds a waveform to 16 bits with one scale a clip: the form in which clips are stored, scored and compared."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.errors import AudioError

STEPS = 32767  # the peak's integer; -32768 is not used, so that the scale is the same up and down
_SMALLEST_SCALE = np.finfo(np.float32).tiny


@dataclass(frozen=True, eq=False)
class Clip16:
    """A clip in 16 bits.

    Attributes:
        samples: int16 [time].
        scale: amplitude of one step, a float32.
    """

    samples: npt.NDArray[np.int16]
    scale: float

    @property
    def waveform(self) -> npt.NDArray[np.float32]:
        """float32 [time]."""
        return np.multiply(self.samples, np.float32(self.scale), dtype=np.float32)


def round16(waveform: npt.NDArray[np.float32]) -> Clip16:
    """Round so that the peak becomes 32767: no sample moves by more than half a step, peak / 65534 (-96 dB below the peak).

    Silence keeps the scale 1 / 32767, and so does what is too faint for a float32 scale (below 1e-33).

    Args:
        waveform: float32 [time], any finite values.
    Raises:
        AudioError: if a value is NaN or infinite.
    """
    return round_parts([waveform])


def round_parts(parts: Sequence[npt.NDArray[np.float32]]) -> Clip16:
    """`round16` of a waveform that lies in parts, without joining them first: a long clip is in memory once."""
    peak = np.float32(max((np.maximum(part.max(initial=0.0), -part.min(initial=0.0)) for part in parts), default=0.0))
    if not all(np.isfinite(part).all() for part in parts):
        raise AudioError("the waveform holds NaN or infinite samples: repair it or leave it out")
    samples = np.zeros(sum(len(part) for part in parts), np.int16)
    scale = peak / np.float32(STEPS)
    if scale < _SMALLEST_SCALE:
        return Clip16(samples, float(np.float32(1 / STEPS)))
    done = 0
    for part in parts:
        steps = part / scale
        np.rint(steps, out=steps)
        np.clip(steps, -STEPS, STEPS, out=steps)  # the division may end a hair above the last step
        samples[done : done + len(part)] = steps
        done += len(part)
    return Clip16(samples, float(scale))
