"""Cuts a waveform into windows of one length."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def window_starts(num_samples: int, length: int, hop: int) -> list[int]:
    """Where windows start so that every sample is in one: each hop, and a last window that ends where the clip ends.

    A clip that is no longer than a window gives [0].

    Args:
        num_samples: of the clip.
        length, hop: in samples.
    Raises:
        ValueError: if length or hop is not positive, or the hop is longer than the window, which would leave gaps.
    """
    if not 0 < hop <= length:
        raise ValueError(f"hop {hop} must be positive and no longer than the window's {length} samples")
    last = max(0, num_samples - length)
    starts = list(range(0, last + 1, hop))
    return starts if starts[-1] == last else [*starts, last]


def cut(waveform: npt.NDArray[np.float32], starts: Sequence[int] | npt.NDArray[np.int64], length: int) -> npt.NDArray[np.float32]:
    """[time] -> [window, length] float32, with zeros where a window reaches past the clip's end."""
    windows = np.zeros((len(starts), length), np.float32)
    for window, start in zip(windows, starts, strict=True):
        part = waveform[start : start + length]
        window[: len(part)] = part
    return windows
