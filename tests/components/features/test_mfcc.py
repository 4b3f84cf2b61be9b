"""MFCC: the numbers of librosa and torchaudio."""

import librosa
import numpy as np
import pytest
import torch

from components.errors import ConfigError
from components.features import MelSpectrogram, Mfcc
from components.torch_builds import match_builds

RATE = 22050


@pytest.fixture(scope="module")
def noise():
    return np.random.default_rng(0).standard_normal(RATE).astype(np.float32)


def test_the_coefficients_are_librosas(noise):
    mel = {"n_fft": 1024, "hop_length": 512, "n_mels": 64, "fmin": 30, "pad_mode": "constant"}
    expected = librosa.feature.mfcc(y=noise, sr=RATE, n_mfcc=40, **mel)

    np.testing.assert_allclose(Mfcc(RATE)(torch.from_numpy(noise)[None])[0, 0], expected, atol=5e-3)


def test_the_coefficients_are_torchaudios(noise):
    match_builds()
    from torchaudio.transforms import MFCC

    mel = {"n_fft": 1024, "hop_length": 512, "n_mels": 64, "f_min": 30.0, "norm": "slaney", "mel_scale": "slaney", "pad_mode": "constant"}
    expected = MFCC(RATE, n_mfcc=20, melkwargs=mel)(torch.from_numpy(noise))

    torch.testing.assert_close(Mfcc(RATE, n_mfcc=20)(torch.from_numpy(noise)[None])[0, 0], expected, atol=5e-3, rtol=0)


def test_loudness_is_the_first_coefficient_alone(noise):
    soft, loud = Mfcc(RATE)(torch.from_numpy(np.stack([0.1 * noise, 0.2 * noise])))[:, 0]

    assert (loud - soft)[0].mean().item() == pytest.approx(6.0206 * 64**0.5, abs=1e-2)
    assert (loud - soft)[1:].abs().max() < 1e-2


def test_all_coefficients_hold_the_mel_spectrogram(noise):
    waveforms = torch.from_numpy(noise)[None]
    feature = Mfcc(RATE, n_mfcc=64)

    torch.testing.assert_close(feature.cosines.T @ feature(waveforms), MelSpectrogram(RATE)(waveforms), atol=1e-3, rtol=0)


@pytest.mark.parametrize("n_mfcc", [0, 65])
def test_more_coefficients_than_bands_are_refused(n_mfcc):
    with pytest.raises(ConfigError, match=rf"feature\.params: n_mfcc {n_mfcc} must lie between 1 and the 64 mel bands"):
        Mfcc(RATE, n_mfcc=n_mfcc)
