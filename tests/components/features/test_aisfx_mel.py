"""AISFX_MEL: the numbers of librosa, silence at 0, one rate."""

import librosa
import numpy as np
import pytest
import torch

from components.errors import ConfigError
from components.features import AisfxMel
from components.features.aisfx_mel import LARGEST
from tests.fixtures.sounds import noise, sine

RATE = 44100


def test_numbers_are_librosas() -> None:
    waveform = noise(2.3, RATE) + sine(1000, 2.3, RATE)
    filters = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=96, fmin=0, fmax=22050, htk=True, norm=1)
    power = np.abs(librosa.stft(waveform, n_fft=2048, hop_length=1024, window="hann", pad_mode="constant")) ** 2
    expected = np.log10(1e4 * filters @ power + 1) / 9.457798957824707

    np.testing.assert_allclose(AisfxMel(RATE)(torch.from_numpy(waveform)[None])[0, 0], expected, atol=1e-4)


def test_each_band_sums_to_one() -> None:
    torch.testing.assert_close(AisfxMel(RATE).filters.sum(dim=0), torch.ones(96))


def test_what_aisfx_hears_at_once_is_a_hundred_frames_and_silence_is_zero() -> None:
    levels = AisfxMel(RATE)(torch.zeros(1, round(2.3 * RATE)))
    assert levels.shape == (1, 1, 96, 100)
    assert levels.abs().max() == 0


def test_a_full_scale_sine_is_below_the_largest_value() -> None:
    """A sine of amplitude 1 on a bin has the power (sum of the window / 2)^2 = 512^2 there and a quarter of it on both sides."""
    hertz = 100 * RATE / 2048
    feature = AisfxMel(RATE)
    power = torch.zeros(1025)
    power[99:102] = torch.tensor([256.0**2, 512.0**2, 256.0**2])
    expected = torch.log10(1e4 * power @ feature.filters + 1) / LARGEST

    levels = feature(torch.from_numpy(sine(hertz, 2.3, RATE, amplitude=1.0))[None])[0, 0, :, 50]
    torch.testing.assert_close(levels[expected > 0.5], expected[expected > 0.5], atol=1e-3, rtol=0)
    assert 0.8 < levels.max() < 1


def test_another_rate_says_what_to_set() -> None:
    with pytest.raises(ConfigError, match=r"takes 44100 Hz and audio.sample_rate is 22050: set it to 44100"):
        AisfxMel(22050)
