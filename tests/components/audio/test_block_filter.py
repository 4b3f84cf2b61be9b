"""The filter by blocks against the same filter sample by sample."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

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


def by_blocks(waveform: Floats, sample_rate: int = RATE, parts: int = 1, kernel: Kernel | None = None) -> Floats:
    """Filtered in so many parts; zeros fill the last block."""
    blocks = np.pad(waveform, (0, -len(waveform) % BLOCK)).reshape(-1, BLOCK)
    weighting = BlockFilter(kernel or Kernel(k_weighting(sample_rate)))
    for part in np.array_split(blocks, parts):
        weighting.feed(part)
    return blocks.reshape(-1)[: len(waveform)]


def error_db(found: Floats, wanted: Floats) -> float:
    """Power of the difference, 0 dB being a full square wave."""
    return float(10 * np.log10(np.mean((found - wanted) ** 2) + 1e-30))


@pytest.mark.parametrize(
    "waveform", [noise(5, RATE), sine(10, 5, RATE, 0.9), np.full(5 * RATE, 0.9, np.float32)], ids=["noise", "hum", "offset"]
)
def test_the_difference_is_that_of_float32(waveform: Floats) -> None:
    assert error_db(by_blocks(waveform), by_samples(waveform)) < -135


@pytest.mark.parametrize("sample_rate", [4000, 16000, 48000, 192000])
def test_at_other_rates(sample_rate: int) -> None:
    waveform = noise(1, sample_rate)
    assert error_db(by_blocks(waveform, sample_rate), by_samples(waveform, sample_rate)) < -125


@pytest.mark.parametrize("length", [1, BLOCK - 1, BLOCK, BLOCK + 1, 9 * BLOCK, 70 * BLOCK + 3])
def test_of_any_length(length: int) -> None:
    waveform = noise(1, RATE)[:length]
    assert by_blocks(waveform) == pytest.approx(by_samples(waveform), abs=1e-6)


@pytest.mark.parametrize("parts", [2, 3, 7])
def test_parts_follow_each_other(parts: int) -> None:
    waveform = noise(1, RATE)
    assert by_blocks(waveform, parts=parts) == pytest.approx(by_samples(waveform), abs=1e-6)


def test_threads_share_a_filter_from_its_first_clip_on() -> None:
    waveform = sine(45, 5, RATE, 0.9)
    wanted = by_blocks(waveform)
    for _ in range(20):
        kernel, ready = Kernel(k_weighting(RATE)), Barrier(4)

        def work(kernel: Kernel = kernel, ready: Barrier = ready) -> Floats:
            blocks = np.pad(waveform, (0, -len(waveform) % BLOCK)).reshape(-1, BLOCK)
            ready.wait()
            BlockFilter(kernel).feed(blocks)
            return blocks.reshape(-1)[: len(waveform)]

        with ThreadPoolExecutor(4) as pool:
            first = [one.result() for one in [pool.submit(work) for _ in range(4)]]
        assert all(np.array_equal(one, wanted) for one in [*first, by_blocks(waveform, kernel=kernel)])


def test_a_clip_of_many_groups() -> None:
    waveform = np.tile(noise(10, RATE), 60)
    assert error_db(by_blocks(waveform), by_samples(waveform)) < -135
