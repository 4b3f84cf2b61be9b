"""MULTI_SPECTROGRAM: its channels are the views that it names, on one grid; its notes are librosa's."""

import librosa
import numpy as np
import pytest
import torch

from components.errors import ConfigError
from components.features import MelSpectrogram, Mfcc, MultiSpectrogram

RATE = 22050


def chord(*notes):
    time = torch.arange(RATE) / RATE
    return sum(0.2 * torch.sin(2 * torch.pi * float(librosa.note_to_hz(note)) * time) for note in notes)[None]


def test_the_first_two_channels_are_mel_and_mfcc():
    waveforms = 0.1 * torch.randn(2, RATE, generator=torch.Generator().manual_seed(0))
    views = MultiSpectrogram(RATE)(waveforms)
    mel = {"n_fft": 2048, "n_mels": 84}

    assert views.shape == (2, 3, 84, 44)
    torch.testing.assert_close(views[:, :1], MelSpectrogram(RATE, **mel)(waveforms))
    torch.testing.assert_close(views[:, 1:2], Mfcc(RATE, n_mfcc=21, **mel)(waveforms).repeat_interleave(4, dim=2))


@pytest.mark.parametrize("note", ["E2", "A4", "C7"])
def test_a_note_has_its_row(note):
    rows = MultiSpectrogram(RATE)(chord(note))[0, 2, :, 22]
    assert rows.argmax().item() == librosa.note_to_midi(note) - librosa.note_to_midi("C1")


def test_the_notes_are_about_librosas_constant_q():
    """Windows differ (a Gaussian, not Hann), so a chord's rows and their neighbours agree within 1.5 dB, and others are faint."""
    notes = ("C3", "G3", "E4", "Bb5")
    magnitude = np.abs(librosa.cqt(y=chord(*notes)[0].numpy(), sr=RATE, hop_length=512, n_bins=84))[:, 22]
    theirs = 20 * np.log10(magnitude / 2 ** (-np.arange(84) / 24))  # librosa's rows grow with the root of the filter's length
    ours = MultiSpectrogram(RATE)(chord(*notes))[0, 2, :, 22].numpy()
    near, ours, theirs = theirs > theirs.max() - 10, ours - ours.max(), theirs - theirs.max()

    assert near.sum() == 12
    np.testing.assert_allclose(ours[near], theirs[near], atol=1.5)
    assert max(ours[~near].max(), theirs[~near].max()) < -15


def test_a_click_is_in_the_same_frame_of_mel_and_notes():
    click = torch.zeros(1, RATE)
    click[0, 20 * 512] = 1.0
    mel, _, notes = MultiSpectrogram(RATE)(click)[0]

    assert mel.sum(dim=0).argmax() == 20
    assert notes[60:].sum(dim=0).argmax() == 20


@pytest.mark.parametrize(
    ("rate", "params", "said"),
    [
        (RATE, {"n_rows": 108}, "108 semitones from 32.703 Hz end at 15804 Hz, above half of audio.sample_rate"),
        (6000, {}, "end at 3951 Hz"),
        (RATE, {"n_mfcc": 85}, "n_mfcc 85 must lie between 1 and the 84 mel bands"),
    ],
)
def test_what_does_not_fit_is_refused(rate, params, said):
    with pytest.raises(ConfigError, match=said):
        MultiSpectrogram(rate, **params)
