"""The filter by blocks against the same filter sample by sample."""

import numpy as np
import pytest
from scipy.signal import lfilter

from components.audio.block_filter import BLOCK, BlockFilter, Kernel
from components.audio.facts import k_weighting
from tests.fixtures.sounds import Floats, noise, sine

RATE = 22050


def by_samples(waveform: Floats, sample_rate: int = RATE) -> Floats:
    filtered = waveform.astype(np.float64)
    for zeros, poles in k_weighting(sample_rate):
        filtered = lfilter(zeros, poles, filtered)
    return filtered


def error_db(found: Floats, wanted: Floats) -> float:
    """Power of the difference, 0 dB being a full square wave."""
    return float(10 * np.log10(np.mean((found - wanted) ** 2) + 1e-30))


@pytest.mark.parametrize(
    "waveform", [noise(5, RATE), sine(10, 5, RATE, 0.9), np.full(5 * RATE, 0.9, np.float32)], ids=["noise", "hum", "offset"]
)
def test_the_difference_is_that_of_float32(waveform: Floats) -> None:
    assert error_db(BlockFilter(Kernel(k_weighting(RATE))).feed(waveform), by_samples(waveform)) < -135


@pytest.mark.parametrize("sample_rate", [4000, 16000, 48000, 192000])
def test_at_other_rates(sample_rate: int) -> None:
    waveform = noise(1, sample_rate)
    assert error_db(BlockFilter(Kernel(k_weighting(sample_rate))).feed(waveform), by_samples(waveform, sample_rate)) < -125


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK, 70 * BLOCK + 3])
def test_of_any_length(length: int) -> None:
    waveform = noise(1, RATE)[:length]
    found = BlockFilter(Kernel(k_weighting(RATE))).feed(waveform)
    assert found == pytest.approx(by_samples(waveform), abs=1e-6)


def test_parts_follow_each_other() -> None:
    waveform, parts = noise(1, RATE), BlockFilter(Kernel(k_weighting(RATE)))
    found = [parts.feed(part) for part in np.split(waveform, [BLOCK, 100 * BLOCK, 317 * BLOCK])]
    assert np.concatenate(found) == pytest.approx(by_samples(waveform), abs=1e-6)
