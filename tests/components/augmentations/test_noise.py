"""BACKGROUND_NOISE and COLOR_NOISE: colours, ratios, folders."""

import itertools
import logging

import numpy as np
import pytest
import torch

from components.augmentations import Batch
from components.augmentations.noise import COLORS, BackgroundNoise, ColorNoise, colored
from components.errors import ConfigError
from tests.fixtures.sounds import noise, silence, sine, write

RATE = 22050


def batch_of(size=6, duration_s=1.0):
    inputs = 0.1 * torch.randn(size, round(duration_s * RATE), generator=torch.Generator().manual_seed(1))
    return Batch(inputs, torch.zeros(size, 1), torch.ones(size, 1))


def added(augmentation, batch, seed=0):
    draws = augmentation.draw(batch, torch.Generator().manual_seed(seed))
    return augmentation.apply(batch, draws).inputs - batch.inputs, draws


def octave_db(waveform, low_hz):
    """The mean power density of an octave, in dB."""
    power = torch.fft.rfft(waveform).abs().square()
    frequencies = torch.fft.rfftfreq(len(waveform), 1 / RATE)
    return 10 * torch.log10(power[(frequencies >= low_hz) & (frequencies < 2 * low_hz)].mean()).item()


@pytest.mark.parametrize(("color", "falls_db"), [("white", 0), ("pink", 3.01), ("brown", 6.02), ("blue", -3.01), ("violet", -6.02)])
def test_each_octave_falls_by_as_much(color, falls_db):
    levels = [octave_db(colored(COLORS[color], RATE), low_hz) for low_hz in (100, 200, 400, 800, 1600, 3200)]

    for octave, next_octave in itertools.pairwise(levels):
        assert octave - next_octave == pytest.approx(falls_db, abs=0.25)


def test_nothing_lies_below_hearing():
    brown = colored(COLORS["brown"], RATE)

    assert octave_db(brown, 20) - octave_db(brown, 5) > 60


@pytest.mark.parametrize("seed", range(3))
def test_the_ratio_is_what_it_says(seed, tmp_path):
    write(tmp_path / "hall.wav", noise(2, RATE), RATE)
    for augmentation in (ColorNoise(RATE), BackgroundNoise(RATE, tmp_path)):
        batch = batch_of()
        sound, draws = added(augmentation, batch, seed)
        ratio_db = 10 * torch.log10(batch.inputs.square().mean(dim=1) / sound.square().mean(dim=1))

        torch.testing.assert_close(ratio_db, draws["snr_db"], rtol=0, atol=0.02)


def test_ratios_lie_within_the_parameters(tmp_path):
    batch = Batch(torch.zeros(2000, 1), torch.zeros(2000, 1), torch.ones(2000, 1))
    ratios = ColorNoise(RATE, color_noise_snr_db=(3, 9)).draw(batch, torch.Generator().manual_seed(0))["snr_db"]

    assert 3 <= ratios.min() < 3.1
    assert 8.9 < ratios.max() <= 9


def test_a_silent_window_stays_silent():
    batch = Batch(torch.zeros(2, RATE), torch.zeros(2, 1), torch.ones(2, 1))

    assert (added(ColorNoise(RATE), batch)[0] == 0).all()


def test_items_get_different_noise():
    sound, _ = added(ColorNoise(RATE, "white", 10.0), batch_of())
    correlation = torch.corrcoef(sound).fill_diagonal_(0)

    assert correlation.abs().max() < 0.05


def test_a_short_noise_is_repeated_and_its_end_fits_its_beginning(tmp_path):
    write(tmp_path / "hum.wav", sine(100, 0.25, RATE), RATE, "FLOAT")  # 25 periods
    sound, _ = added(BackgroundNoise(RATE, tmp_path, 10.0), batch_of())
    spectrum = torch.fft.rfft(sound).abs()

    assert (spectrum.argmax(dim=1) == 100).all()
    period = round(0.25 * RATE)
    torch.testing.assert_close(sound[:, period : 2 * period], sound[:, :period], rtol=0, atol=1e-4)


def test_files_are_found_in_folders_resampled_and_mixed_to_mono(tmp_path):
    stereo = np.stack([sine(500, 1, 44100), sine(500, 1, 44100)], axis=1)
    write(tmp_path / "a" / "b" / "tone.flac", stereo, 44100)
    sound, _ = added(BackgroundNoise(RATE, tmp_path, 0.0), batch_of())

    assert (torch.fft.rfft(sound).abs().argmax(dim=1) == 500).all()


def test_every_file_is_used(tmp_path):
    for hz in (400, 500, 600):
        write(tmp_path / f"{hz}.wav", sine(hz, 1, RATE), RATE)
    sound, _ = added(BackgroundNoise(RATE, tmp_path), batch_of(size=40))

    assert set(torch.fft.rfft(sound).abs().argmax(dim=1).tolist()) == {400, 500, 600}


def test_what_cannot_be_read_is_left_out_with_a_warning(tmp_path, caplog):
    (tmp_path / "README.txt").write_text("recorded in the canteen")
    write(tmp_path / "room.wav", noise(1, RATE), RATE)
    with caplog.at_level(logging.WARNING, "components.augmentations.noise"):
        BackgroundNoise(RATE, tmp_path)

    assert "left out: " in caplog.text
    assert "README.txt" in caplog.text


def test_a_large_folder_is_read_in_part(tmp_path, monkeypatch):
    for place in range(6):
        write(tmp_path / f"{place}.wav", noise(1, 8000, seed=place), 8000)
    monkeypatch.setattr("components.augmentations.noise.KEPT_S", 2.5)

    batch = Batch(torch.zeros(500, 1), torch.zeros(500, 1), torch.ones(500, 1))
    draws = BackgroundNoise(8000, tmp_path).draw(batch, torch.Generator().manual_seed(0))
    assert draws["noise"].unique().tolist() == [0, 1, 2]


@pytest.mark.parametrize("place", ["nowhere", "empty", "silent", "a file", "unset"])
def test_a_folder_without_noise_is_one_sentence(place, tmp_path):
    folder = {"unset": "", "empty": tmp_path, "silent": tmp_path, "nowhere": tmp_path / "nowhere", "a file": tmp_path / "x.wav"}[place]
    if place in ("a file", "silent"):
        write(tmp_path / "x.wav", silence(1, RATE), RATE)
    sentences = {
        "unset": "BACKGROUND_NOISE: noise_folder is not set",
        "nowhere": "nowhere is no folder",
        "a file": "x.wav is no folder",
        "empty": r"holds no sound that can be read \(0 files\)",
        "silent": r"holds no sound that can be read \(1 files\)",
    }
    with pytest.raises(ConfigError, match=sentences[place]):
        BackgroundNoise(RATE, folder)


def test_an_unknown_colour_lists_the_known():
    with pytest.raises(ConfigError, match=r"unknown colour 'pnik' in noise_colors \(did you mean 'pink'\?\); choose from: white, pink"):
        ColorNoise(RATE, ["pnik"])
