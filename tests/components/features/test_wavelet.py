"""WAVELET: a sine's ridge lies at its frequency and level whatever its phase, and a convolution gives the same numbers."""

import math

import numpy as np
import pytest
import torch

from components.errors import ConfigError
from components.features import Wavelet

RATE = 22050


def sine(hertz, amplitude=1.0, phase=0.0):
    return amplitude * torch.sin(2 * torch.pi * hertz * torch.arange(RATE) / RATE + phase)[None]


def centres(feature):
    return feature.bank.centres.numpy() * RATE


@pytest.mark.parametrize("band", [8, 30, 50, 63])
@pytest.mark.parametrize("amplitude", [1.0, 0.01])
def test_a_sine_has_its_ridge_at_its_frequency_and_level(band, amplitude):
    feature = Wavelet(RATE)
    inside = feature(sine(centres(feature)[band], amplitude))[0, 0, :, 15:-15]

    assert inside.argmax(dim=0).unique().tolist() == [band]
    torch.testing.assert_close(inside[band], torch.full_like(inside[band], 20 * math.log10(amplitude)), atol=0.02, rtol=0)


def test_the_phase_does_not_matter():
    phases = [Wavelet(RATE)(sine(1000.0, phase=phase))[..., 15:-15] for phase in (0.0, 0.7, 1.5707963)]
    for other in phases[1:]:
        heard = phases[0] > -60
        torch.testing.assert_close(other[heard], phases[0][heard], atol=0.05, rtol=0)


def test_a_band_away_from_the_sine_hears_the_gaussian():
    feature = Wavelet(RATE)
    hertz = centres(feature)
    level = feature(sine(hertz[30]))[0, 0, :, 20]
    gaussian = np.exp(-0.5 * ((hertz[30] - hertz[27:35]) * 12 / hertz[27:35]) ** 2)

    np.testing.assert_allclose(level[27:35], 20 * np.log10(gaussian), atol=0.05)


@pytest.mark.parametrize("band", [4, 33, 60])
def test_a_convolution_in_time_gives_the_same(band):
    feature = Wavelet(RATE)
    noise = np.random.default_rng(0).standard_normal(RATE)
    hertz = centres(feature)[band]
    deviation = 12 / (2 * np.pi * hertz) * RATE
    time = np.arange(-math.ceil(5 * deviation), math.ceil(5 * deviation) + 1)
    wavelet = 2 * np.exp(-0.5 * (time / deviation) ** 2 + 2j * np.pi * hertz / RATE * time) / (deviation * math.sqrt(2 * np.pi))
    power = np.abs(np.convolve(np.pad(noise, (256, 512)), wavelet, mode="same")) ** 2
    expected = 10 * np.log10(power[: 44 * 512].reshape(44, 512).mean(axis=1))
    ours = feature(torch.from_numpy(noise)[None])[0, 0, band]

    assert ours.shape == (44,)
    # The few samples of a hop stand for all 512: what they miss shows where the noise cancels itself.
    np.testing.assert_allclose(ours[:-1], expected[:-1], atol=1.5)
    assert np.abs(ours[:-1].numpy() - expected[:-1]).mean() < 0.3


@pytest.mark.parametrize("sample", [10 * 512 - 200, 10 * 512, 10 * 512 + 200])
def test_a_click_is_heard_in_its_frame(sample):
    click = torch.zeros(1, RATE)
    click[0, sample] = 1.0
    assert Wavelet(RATE)(click)[0, 0, 40:].sum(dim=0).argmax().item() == 10


def test_the_end_does_not_reach_round_to_the_start():
    burst = torch.zeros(1, RATE)
    burst[0, -2048:] = sine(45.0)[0, :2048]
    assert Wavelet(RATE)(burst)[0, 0, :, :10].max() < -80


def test_silence_is_the_floor():
    assert Wavelet(RATE)(torch.zeros(1, RATE)).unique().item() == pytest.approx(-90.0)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (511, 1), (512, 2), (66150, 130)])
def test_frames_are_one_a_hop(samples, frames):
    assert Wavelet(RATE)(torch.zeros(2, samples)).shape == (2, 1, 64, frames)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"f_max_hz": 12000.0}, "must lie between 0 and 11025 Hz, half of audio.sample_rate"),
        ({"f_min_hz": 9000.0}, "f_min_hz 9000 must lie between 0 and f_max_hz 8820"),
        ({"n_bands": 1}, "n_bands 1 must be at least 2"),
        ({"cycles": 2.0}, "cycles 2 must be at least 1 and 4"),
        ({"hop": 0}, "hop 0"),
    ],
)
def test_what_does_not_fit_is_refused(params, said):
    with pytest.raises(ConfigError, match=said):
        Wavelet(RATE, **params)
