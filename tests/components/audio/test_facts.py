import numpy as np
import pytest
from scipy.signal import lfilter

from components.audio import Clip16, round16
from components.audio.facts import Facts, facts_of, k_weighting
from tests.fixtures.sounds import Floats, noise, silence, sine

RATE = 22050


def by_biquads(waveform: Floats, sample_rate: int) -> float:
    """Loudness as the standard tells it, sample by sample."""
    weighted = waveform.astype(np.float64)
    for zeros, poles in k_weighting(sample_rate):
        weighted = lfilter(zeros, poles, weighted)
    size, step = round(0.4 * sample_rate), round(0.1 * sample_rate)
    powers = np.array([np.mean(weighted[start : start + size] ** 2) for start in range(0, len(weighted) - size + 1, step)])
    levels = -0.691 + 10 * np.log10(powers + 1e-30)
    gate = -0.691 + 10 * np.log10(powers[levels > -70].mean()) - 10
    return float(-0.691 + 10 * np.log10(powers[(levels > -70) & (levels > gate)].mean()))


def changing() -> Floats:
    """Loud, quiet, silent, low and high parts, and a hum under all of them."""
    parts = [sine(997, 2, RATE, 0.3), noise(2, RATE, 1, 0.01), silence(1, RATE), sine(60, 2, RATE, 0.9), sine(9000, 1.23, RATE, 0.05)]
    return np.concatenate(parts) + sine(31, 8.23, RATE, 0.05)


def test_the_filters_are_those_of_the_standard() -> None:
    (shelf, poles), (_, low) = k_weighting(48000)
    assert shelf == pytest.approx([1.53512485958697, -2.69169618940638, 1.19839281085285], abs=1e-9)
    assert poles[1:] == pytest.approx([-1.69065929318241, 0.73248077421585], abs=1e-9)
    assert low[1:] == pytest.approx([-1.99004745483398, 0.99007225036621], abs=1e-9)


@pytest.mark.parametrize("sample_rate", [16000, 22050, 44100, 48000])
def test_a_sine_of_997_hz_at_full_scale_in_one_channel_has_minus_3_01(sample_rate: int) -> None:
    found = facts_of(round16(sine(997, 5, sample_rate, 1.0)), sample_rate)
    assert found.loudness_lufs == pytest.approx(-3.01, abs=0.05)
    assert found.peak_db == pytest.approx(0, abs=0.01)


@pytest.mark.parametrize("waveform", [noise(3, RATE), sine(40, 3, RATE), sine(9000, 3, RATE, 0.01), changing()])
def test_loudness_is_that_of_the_filters_applied_sample_by_sample(waveform: Floats) -> None:
    clip = round16(waveform)
    assert facts_of(clip, RATE).loudness_lufs == pytest.approx(by_biquads(clip.waveform, RATE), abs=0.01)


def test_quiet_parts_pass_no_gate() -> None:
    loud, quiet = sine(997, 4, RATE, 0.5), sine(997, 6, RATE, 0.005)
    both = facts_of(round16(np.concatenate([loud, quiet])), RATE).loudness_lufs
    assert both == pytest.approx(facts_of(round16(loud), RATE).loudness_lufs, abs=0.2)


def test_levels_follow_the_gain() -> None:
    before, after = (facts_of(round16(gain * noise(2, RATE)), RATE) for gain in (1.0, 0.1))
    assert after.loudness_lufs - before.loudness_lufs == pytest.approx(-20, abs=0.01)
    assert after.peak_db - before.peak_db == pytest.approx(-20, abs=0.001)


def test_shares() -> None:
    half = np.concatenate([sine(440, 1, RATE, 0.5), silence(1, RATE)])
    assert facts_of(round16(half), RATE).silent_share == 0.5
    square = np.full(1000, 0.5, np.float32)
    square[:250], square[250:260] = 1.0, -0.995
    assert facts_of(round16(square), RATE).clipped_share == 0.26
    assert facts_of(round16(square * np.float32(0.98)), RATE).clipped_share == 0
    assert facts_of(round16(np.full(2205, 0.0011, np.float32)), RATE).silent_share == 0
    assert facts_of(round16(np.full(2205, 0.0009, np.float32)), RATE).silent_share == 1


@pytest.mark.parametrize("length", [1, 2, 2204, 2205, 8819, 8820])
def test_short_clips_have_numbers(length: int) -> None:
    found = facts_of(round16(np.full(length, 0.5, np.float32)), RATE)
    assert found.loudness_lufs is None or np.isfinite(found.loudness_lufs)
    assert (found.silent_share, found.clipped_share) == (0, 0)
    assert found.peak_db == pytest.approx(-6.02, abs=0.01)


def test_a_tenth_of_a_second_is_one_block() -> None:
    assert facts_of(round16(sine(997, 0.1, RATE, 1.0)), RATE).loudness_lufs == pytest.approx(-3.01, abs=0.15)


@pytest.mark.parametrize("length", [1, 300, RATE])
def test_silence_has_no_level(length: int) -> None:
    assert facts_of(Clip16(np.zeros(length, np.int16), 1 / 32767), RATE) == Facts(None, None, 1.0, 0.0)


@pytest.mark.parametrize("amplitude", [1e-32, 1e30])
def test_amplitudes_that_no_recording_has_are_finite(amplitude: float) -> None:
    found = facts_of(round16(np.float32(amplitude) * noise(1, RATE)), RATE)
    assert found.loudness_lufs is None or np.isfinite(found.loudness_lufs)
    assert np.isfinite(found.peak_db)


def test_a_rate_that_the_filters_do_not_fit_gives_no_loudness() -> None:
    found = facts_of(round16(sine(250, 1, 1000)), 1000)
    assert found.loudness_lufs is None
    assert found.peak_db == pytest.approx(-6.02, abs=0.01)
