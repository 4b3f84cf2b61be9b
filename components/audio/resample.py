"""Mixes to mono and resamples block by block, so that memory does not grow with the channels or the rate of a file."""

import numpy as np
import numpy.typing as npt
import soxr

Floats = npt.NDArray[np.float32]
Block = npt.NDArray[np.float32] | npt.NDArray[np.int16]
FULL = 2**15  # of 16-bit samples

BLOCK = 1 << 15  # samples; soxr gives the same bits for any, and its buffers stay in the processor's cache for this one


def mono(block: Block) -> Floats:
    """[time, channel] -> [time], the mean of the channels, summed in order so that every machine rounds alike.

    Integers have full scale at 2**15 and give the same bits as their floats do: a power of two changes no rounding.
    """
    channels = block.shape[1]
    scale = np.float32(1 / channels)
    if block.dtype == np.int16:
        scale /= np.float32(FULL)
    elif channels == 1:
        return block[:, 0].astype(np.float32, copy=False)
    total = block[:, 0].astype(np.float32)
    for channel in range(1, channels):
        total += block[:, channel]
    total *= scale
    return total


class Resampler:
    """A waveform from one rate to another with soxr's HQ filter (linear phase, pass band to 0.913 of the lower Nyquist rate).

    Feeding it in blocks of any size gives the same bits.
    """

    def __init__(self, from_hz: int, to_hz: int) -> None:
        self._stream = None if from_hz == to_hz else soxr.ResampleStream(from_hz, to_hz, 1, "float32", soxr.HQ)
        self._parts: list[Floats] = []

    def feed(self, waveform: Floats) -> None:
        """Take the next [time] samples."""
        if self._stream is None:
            self._parts.append(waveform)
            return
        for start in range(0, len(waveform), BLOCK):
            self._parts.append(self._stream.resample_chunk(waveform[start : start + BLOCK]))

    def finish(self) -> list[Floats]:
        """Everything resampled, in parts that follow each other; the resampler is spent."""
        if self._stream is not None:
            self._parts.append(self._stream.resample_chunk(np.zeros(0, np.float32), last=True))
        return self._parts
