import numpy as np
import pytest

from components.audio import round16
from components.errors import AudioError
from tests.fixtures.sounds import noise, silence, sine


def test_the_peak_is_the_last_step() -> None:
    clip = round16(np.array([0.25, -0.5, 0.0], np.float32))
    assert clip.samples.tolist() == [16384, -32767, 0]  # 16383.5 rounds to even
    assert clip.scale == np.float32(0.5 / 32767)
    assert clip.waveform[1] == pytest.approx(-0.5, rel=1e-7)


@pytest.mark.parametrize("amplitude", [1e-30, 1e-4, 0.5, 1.0, 40.0, 3e38])
def test_no_sample_moves_by_more_than_half_a_step(amplitude: float) -> None:
    waveform = sine(440, 0.5, 8000, amplitude=1) * np.float32(amplitude)
    clip = round16(waveform)
    moved = np.abs(clip.waveform.astype(np.float64) - waveform)
    assert moved.max() <= amplitude / 65534 * (1 + 1e-4) + amplitude * 2**-23
    assert clip.waveform.dtype == np.float32
    assert clip.samples.dtype == np.int16


def test_noise_loses_less_than_96_db_below_its_peak() -> None:
    waveform = noise(1, 16000)
    error = round16(waveform).waveform - waveform
    assert 20 * np.log10(np.abs(error).max() / np.abs(waveform).max()) < -96


def test_silence_and_the_faintest_sound_have_a_scale() -> None:
    for waveform in (silence(0.01, 8000), np.full(80, 1e-40, np.float32)):
        clip = round16(waveform)
        assert clip.scale == np.float32(1 / 32767)
        assert not clip.samples.any()
        assert len(clip.waveform) == 80


def test_rounding_what_is_rounded_changes_nothing() -> None:
    once = round16(noise(1, 8000))
    twice = round16(once.waveform)
    assert np.array_equal(once.samples, twice.samples)
    assert once.scale == pytest.approx(twice.scale, rel=1e-6)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_refused(value: float) -> None:
    waveform = sine(440, 0.1, 8000)
    waveform[3] = value
    with pytest.raises(AudioError, match="NaN or infinite"):
        round16(waveform)


def test_the_waveform_is_left_untouched() -> None:
    waveform = noise(0.1, 8000)
    before = waveform.copy()
    round16(waveform)
    assert np.array_equal(waveform, before)
