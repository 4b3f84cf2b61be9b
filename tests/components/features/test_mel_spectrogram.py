"""MEL_SPECTROGRAM: the numbers of librosa, the right band, safe at silence."""

import librosa
import numpy as np
import pytest
import torch

from components.errors import ConfigError
from components.features import MelSpectrogram

RATE = 22050


def sine(hertz, seconds=1.0, amplitude=0.5):
    return amplitude * torch.sin(2 * torch.pi * hertz * torch.arange(int(RATE * seconds)) / RATE)[None]


@pytest.mark.parametrize(("n_mels", "f_min", "f_max"), [(64, 30.0, None), (96, 0.0, 8000.0)])
def test_filters_are_librosas(n_mels, f_min, f_max):
    feature = MelSpectrogram(RATE, n_fft=2048, n_mels=n_mels, f_min_hz=f_min, f_max_hz=f_max)
    expected = librosa.filters.mel(sr=RATE, n_fft=2048, n_mels=n_mels, fmin=f_min, fmax=f_max)

    np.testing.assert_allclose(feature.filters.T.numpy(), expected, atol=3e-7)


def test_the_spectrogram_is_librosas():
    noise = np.random.default_rng(0).standard_normal(RATE).astype(np.float32)
    power = librosa.feature.melspectrogram(y=noise, sr=RATE, n_fft=1024, hop_length=512, n_mels=64, fmin=30, pad_mode="constant")
    ours = MelSpectrogram(RATE)(torch.from_numpy(noise)[None])[0, 0].numpy()

    np.testing.assert_allclose(ours, 10 * np.log10(power), atol=1e-3)


@pytest.mark.parametrize("hertz", [110.0, 440.0, 1760.0, 7040.0])
def test_a_sine_peaks_in_its_band(hertz):
    centres = librosa.mel_frequencies(n_mels=66, fmin=30, fmax=RATE / 2)[1:-1]
    loudest = MelSpectrogram(RATE)(sine(hertz))[0, 0].mean(dim=-1).argmax().item()

    assert abs(loudest - np.abs(centres - hertz).argmin()) <= 1


def test_twice_the_amplitude_is_six_decibels_more():
    feature = MelSpectrogram(RATE)
    softer, louder = feature(sine(440.0, amplitude=0.25)), feature(sine(440.0, amplitude=0.5))

    assert (louder - softer)[0, 0].max().item() == pytest.approx(6.0206, abs=1e-3)


def test_silence_is_the_floor():
    assert MelSpectrogram(RATE)(torch.zeros(1, RATE)).unique().item() == pytest.approx(-70.0)


@pytest.mark.parametrize(("samples", "frames"), [(1, 1), (511, 1), (512, 2), (66150, 130)])
def test_frames_are_one_a_hop(samples, frames):
    assert MelSpectrogram(RATE)(torch.zeros(2, samples)).shape == (2, 1, 64, frames)


def test_a_frame_lies_on_its_time():
    click = torch.zeros(1, RATE)
    click[0, 10 * 512] = 1.0
    assert MelSpectrogram(RATE)(click)[0, 0].sum(dim=0).argmax().item() == 10


def test_frame_s_follows_from_the_hop():
    assert MelSpectrogram(RATE, hop=441).frame_s == pytest.approx(0.02)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"n_mels": 400}, "mel bands hold no bin of an n_fft of 1024: raise n_fft or lower n_mels"),
        ({"f_max_hz": 20000.0}, "must rise between 0 and 11025 Hz"),
        ({"f_min_hz": 9000.0, "f_max_hz": 8000.0}, "must rise between"),
        ({"hop": 0}, "hop 0"),
    ],
)
def test_what_does_not_fit_is_refused(params, said):
    with pytest.raises(ConfigError, match=said):
        MelSpectrogram(RATE, **params)
