"""Mixes to mono and resamples block by block, so that memory does not grow with the channels or the rate of a file."""

import numpy as np
import numpy.typing as npt
import soxr

Floats = npt.NDArray[np.float32]

BLOCK = 1 << 15  # samples; soxr gives the same bits for any, and its buffers stay in the processor's cache for this one


def mono(block: Floats) -> Floats:
    """[time, channel] -> [time], the mean of the channels, summed in order so that every machine rounds alike."""
    if block.shape[1] == 1:
        return block[:, 0]
    total = block[:, 0] + block[:, 1]
    for channel in range(2, block.shape[1]):
        total += block[:, channel]
    total *= np.float32(1 / block.shape[1])
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
