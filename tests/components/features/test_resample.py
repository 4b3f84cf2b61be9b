"""Resampling inside the network: soxr's numbers, nothing folded back."""

import numpy as np
import pytest
import soxr
import torch

from components.errors import ConfigError
from components.features.resample import Resample


def sine(hertz, rate):
    return np.sin(2 * np.pi * hertz * np.arange(rate) / rate).astype(np.float32)


def resampled(waveform, rate):
    return Resample(rate, 16000, "AST")(torch.from_numpy(waveform)[None])[0].numpy()


@pytest.mark.parametrize("rate", [8000, 11025, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("hertz", [100, 3000])
def test_a_sine_is_soxrs(rate, hertz):
    ours, expected = resampled(sine(hertz, rate), rate), soxr.resample(sine(hertz, rate), rate, 16000, "VHQ")

    assert len(ours) == 16000
    np.testing.assert_allclose(ours[200:-200], expected[200:-200], atol=1e-3)


@pytest.mark.parametrize("rate", [22050, 44100])
def test_what_16_khz_cannot_hold_is_gone(rate):
    assert np.abs(resampled(sine(9000, rate), rate)[200:-200]).max() < 1e-3


def test_equal_rates_change_nothing():
    noise = torch.randn(2, 1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(Resample(16000, 16000, "AST")(noise), noise)


@pytest.mark.parametrize(("samples", "expected"), [(1, 1), (440, 320), (441, 320), (442, 321)])
def test_the_length_is_rounded_up(samples, expected):
    assert Resample(22050, 16000, "AST")(torch.zeros(1, samples)).shape == (1, expected)


def test_an_odd_rate_is_refused():
    with pytest.raises(ConfigError, match=r"WAV2VEC hears 16000 Hz, which audio\.sample_rate 22051 is no simple ratio of: set it to 16000"):
        Resample(22051, 16000, "WAV2VEC")
