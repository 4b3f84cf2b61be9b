import numpy as np
import pytest

from components.audio import cut, window_starts


@pytest.mark.parametrize(
    ("num_samples", "length", "hop", "starts"),
    [
        (10, 4, 2, [0, 2, 4, 6]),
        (11, 4, 2, [0, 2, 4, 6, 7]),
        (10, 4, 4, [0, 4, 6]),
        (8, 4, 4, [0, 4]),
        (4, 4, 2, [0]),
        (5, 4, 2, [0, 1]),
        (1, 4, 2, [0]),
        (0, 4, 2, [0]),
    ],
)
def test_starts(num_samples: int, length: int, hop: int, starts: list[int]) -> None:
    assert window_starts(num_samples, length, hop) == starts


def test_every_sample_is_in_a_window_and_none_reaches_past_the_end() -> None:
    for num_samples in range(7, 60):
        covered = np.zeros(num_samples, int)
        for start in window_starts(num_samples, 7, 3):
            assert start + 7 <= num_samples
            covered[start : start + 7] += 1
        assert covered.min() >= 1


@pytest.mark.parametrize(("length", "hop"), [(4, 5), (4, 0), (0, 0), (4, -1)])
def test_a_hop_that_leaves_gaps_is_refused(length: int, hop: int) -> None:
    with pytest.raises(ValueError, match=f"hop {hop} must be positive"):
        window_starts(10, length, hop)


def test_cut_pads_with_zeros_and_copies() -> None:
    waveform = np.arange(1, 6, dtype=np.float32)
    windows = cut(waveform, [0, 3, 9], 3)
    assert windows.tolist() == [[1, 2, 3], [4, 5, 0], [0, 0, 0]]
    assert windows.dtype == np.float32
    windows[:] = 0
    assert waveform.tolist() == [1, 2, 3, 4, 5]
