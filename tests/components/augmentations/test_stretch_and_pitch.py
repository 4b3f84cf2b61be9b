"""TIME_STRETCH and PITCH against physics."""

import math

import numpy as np
import pytest
import torch

from components.augmentations import Batch
from components.augmentations.pitch import Pitch
from components.augmentations.time_stretch import TimeStretch
from components.augmentations.vocoder import vocode, vocode_by_size
from components.errors import ConfigError
from tests.fixtures.sounds import noise, sine

RATE = 22050
HALF_A_FRAME_S = 0.047  # a click is smeared over the frames that hold it


def batch_of(*waveforms):
    inputs = torch.from_numpy(np.stack(waveforms))
    return Batch(inputs, torch.zeros(len(inputs), 1), torch.ones(len(inputs), 1))


def changed(augmentation, *waveforms, seed=0):
    batch = batch_of(*waveforms)
    return augmentation.apply(batch, augmentation.draw(batch, torch.Generator().manual_seed(seed))).inputs


def pitch_hz(waveform):
    """The strongest frequency of the middle half, by a parabola through the logarithm of the spectrum's peak."""
    middle = waveform[len(waveform) // 4 : -len(waveform) // 4]
    spectrum = torch.fft.rfft(middle * torch.hann_window(len(middle))).abs().log()
    peak = int(spectrum.argmax())
    left, top, right = spectrum[peak - 1 : peak + 2].tolist()
    return (peak + (left - right) / 2 / (left - 2 * top + right)) * RATE / len(middle)


def clicks(*times_s, duration_s=3.0):
    waveform = np.zeros(round(duration_s * RATE), np.float32)
    for time_s in times_s:
        waveform[round(time_s * RATE) :][:64] = np.hanning(64)
    return waveform


def onset_s(waveform, low_s, high_s):
    """Where the energy between two moments has its middle."""
    part = waveform[round(low_s * RATE) : round(high_s * RATE)].square()
    return low_s + (part * torch.arange(len(part))).sum().item() / part.sum().item() / RATE


class TestTimeStretch:
    @pytest.mark.parametrize("tempo", [0.5, 0.9, 1.0, 1.1, 1.7])
    def test_pitch_and_level_stay(self, tempo):
        tone = sine(440, 2, RATE)
        stretched = changed(TimeStretch(RATE, tempo), tone)[0]

        assert pitch_hz(stretched) == pytest.approx(440, rel=1e-3)
        # A faster tone starts again with a click, so levels are compared before it.
        assert stretched[4000:20000].square().mean().sqrt().item() == pytest.approx(0.5 / 2**0.5, rel=0.01)

    @pytest.mark.parametrize("tempo", [0.7, 0.9, 1.1, 1.25])
    def test_a_moment_comes_at_its_time_over_the_tempo(self, tempo):
        stretched = changed(TimeStretch(RATE, tempo), clicks(0.5, 1.5))[0]

        for time_s in (0.5, 1.5):
            assert onset_s(stretched, time_s / tempo - 0.2, time_s / tempo + 0.2) == pytest.approx(time_s / tempo, abs=HALF_A_FRAME_S)

    def test_a_fast_item_starts_again(self):
        stretched = changed(TimeStretch(RATE, 1.5), clicks(0.5))[0]

        assert onset_s(stretched, 0.2, 0.5) == pytest.approx(0.5 / 1.5, abs=HALF_A_FRAME_S)
        assert onset_s(stretched, 2.2, 2.5) == pytest.approx(2 + 0.5 / 1.5, abs=HALF_A_FRAME_S)

    def test_the_recorded_tempo_changes_nothing(self):
        tone = noise(1, RATE)

        torch.testing.assert_close(changed(TimeStretch(RATE, 1.0), tone)[0], torch.from_numpy(tone), rtol=0, atol=1e-5)

    def test_each_item_has_its_own_tempo_and_is_what_it_would_be_alone(self):
        one, other = clicks(0.5), clicks(1.0)
        augmentation, both = TimeStretch(RATE), batch_of(one, other)
        together = augmentation.apply(both, {"rate": torch.tensor([0.8, 1.3])}).inputs
        alone = augmentation.apply(batch_of(other), {"rate": torch.tensor([1.3])}).inputs

        assert onset_s(together[0], 0.4, 0.8) == pytest.approx(0.5 / 0.8, abs=HALF_A_FRAME_S)
        torch.testing.assert_close(together[1], alone[0])

    def test_sound_after_silence_is_heard(self):
        late = np.concatenate([np.zeros(RATE, np.float32), sine(440, 1, RATE)])
        stretched = changed(TimeStretch(RATE, 0.9), late)[0]

        assert stretched[: int(0.9 * RATE)].abs().max() < 1e-6
        assert stretched[int(1.3 * RATE) : int(1.9 * RATE)].square().mean().sqrt().item() == pytest.approx(0.5 / 2**0.5, rel=0.01)

    def test_draws_lie_between_the_factors(self):
        batch = Batch(torch.zeros(3000, 1), torch.zeros(3000, 1), torch.ones(3000, 1))
        rates = TimeStretch(RATE, (0.8, 1.25)).draw(batch, torch.Generator().manual_seed(0))["rate"]

        assert 0.8 <= rates.min() < 0.803
        assert 1.245 < rates.max() <= 1.25001
        assert (rates < 1).float().mean().item() == pytest.approx(0.5, abs=0.03)  # as often slower as faster

    @pytest.mark.parametrize(
        ("factors", "sentence"),
        [
            ((1.1, 0.9), "stretch_factors must name the lowest first"),
            ((0.9, 1.0, 1.1), "must be one number, or the lowest and the highest"),
            (0, r"within 0\.25 to 4, got 0"),
            (True, "must be a number, got True"),
        ],
    )
    def test_bad_factors_are_refused(self, factors, sentence):
        with pytest.raises(ConfigError, match=sentence):
            TimeStretch(RATE, factors)

    def test_factors_as_the_command_line_writes_them(self):
        assert TimeStretch(RATE, "0.9,1.1").fastest == 1.1


class TestPitch:
    @pytest.mark.parametrize("semitones", [-12, -5, -1, 0, 1, 3, 7, 12])
    def test_semitones_are_ratios(self, semitones):
        shifted = changed(Pitch(RATE, semitones), sine(440, 2, RATE))[0]

        assert pitch_hz(shifted) == pytest.approx(440 * 2 ** (semitones / 12), rel=0.006)
        assert shifted[2000:-2000].square().mean().sqrt().item() == pytest.approx(0.5 / 2**0.5, rel=0.01)

    def test_twelve_semitones_double(self):
        assert pitch_hz(changed(Pitch(RATE, 12), sine(440, 2, RATE))[0]) == pytest.approx(880, rel=1e-3)

    @pytest.mark.parametrize("semitones", [-7, 4, 12])
    def test_moments_stay_where_they_are(self, semitones):
        shifted = changed(Pitch(RATE, semitones), clicks(0.5, 2.0))[0]

        assert len(shifted) == 3 * RATE
        for time_s in (0.5, 2.0):
            assert onset_s(shifted, time_s - 0.2, time_s + 0.2) == pytest.approx(time_s, abs=HALF_A_FRAME_S)

    def test_what_would_pass_half_the_rate_is_gone_and_not_mirrored(self):
        shifted = changed(Pitch(RATE, 12), sine(8000, 1, RATE))[0]

        assert shifted[2000:-2000].abs().max() < 0.005

    def test_no_shift_changes_nothing(self):
        tone = noise(1, RATE)

        torch.testing.assert_close(changed(Pitch(RATE, 0), tone)[0], torch.from_numpy(tone), rtol=0, atol=1e-5)

    def test_partials_keep_their_levels(self):
        tone = sine(300, 2, RATE, 0.4) + sine(900, 2, RATE, 0.1)
        spectrum = torch.fft.rfft(changed(Pitch(RATE, 12), tone)[0][RATE // 2 : -RATE // 2]).abs()

        assert (spectrum[595:606].max() / spectrum[1795:1806].max()).item() == pytest.approx(4, rel=0.01)

    def test_a_batch_has_four_shifts_that_change_from_batch_to_batch(self):
        batch = Batch(torch.zeros(64, 1), torch.zeros(64, 1), torch.ones(64, 1))
        sizes = [Pitch(RATE).draw(batch, torch.Generator().manual_seed(seed))["size"] for seed in range(100)]

        assert all(len(drawn.unique()) <= 4 for drawn in sizes)
        cents = 1200 * torch.log2(2048 / torch.cat(sizes))
        assert -210 < cents.min() < -190
        assert 190 < cents.max() < 210

    @pytest.mark.parametrize(("octaves", "within_cents"), [((-24, 12), 10), ((12, 24), 14)])
    def test_shifts_are_within_cents(self, octaves, within_cents):
        batch = Batch(torch.zeros(1, 1), torch.zeros(1, 1), torch.ones(1, 1))
        for semitones in torch.linspace(*octaves, 97).tolist():
            size = Pitch(RATE, semitones).draw(batch, torch.Generator())["size"].item()
            assert 1200 * math.log2(2048 / size) == pytest.approx(100 * semitones, abs=within_cents)

    def test_a_spectrum_that_cancels_out_stays_finite(self):
        shifted = changed(Pitch(RATE, -1), sine(220, 0.5, RATE))[0]

        assert torch.isfinite(shifted).all()

    def test_items_are_what_they_would_be_alone(self):
        waveforms = [sine(hz, 0.5, RATE) for hz in (220, 330, 440)]
        together = Pitch(RATE).apply(batch_of(*waveforms), {"size": torch.tensor([1920, 2160, 1920])}).inputs

        for place, size in enumerate((1920, 2160, 1920)):
            alone = Pitch(RATE).apply(batch_of(waveforms[place]), {"size": torch.tensor([size])}).inputs
            torch.testing.assert_close(together[place], alone[0])

    def test_out_of_reach_is_refused(self):
        with pytest.raises(ConfigError, match=r"pitch_semitones must lie within -24 to 24, got 60"):
            Pitch(RATE, (0, 60))


@pytest.mark.parametrize("augmentation", [TimeStretch(RATE, 1.3), Pitch(RATE, 5)])
@pytest.mark.parametrize("time", [1, 100, 5000])
def test_short_windows(augmentation, time):
    out = changed(augmentation, noise(1, RATE)[:time])

    assert out.shape == (1, time)
    assert torch.isfinite(out).all()


def test_items_in_one_go_are_what_they_are_one_by_one():
    waveforms = torch.from_numpy(np.stack([noise(1, RATE, seed=seed) for seed in range(4)]))
    rates, sizes = torch.tensor([0.7, 1.0, 1.1, 1.3]), torch.tensor([2160, 2048, 1920, 2160])
    one_by_one = vocode(waveforms, rates, 2048, sizes, RATE)

    torch.testing.assert_close(vocode_by_size(waveforms, rates, 2048, sizes, RATE), one_by_one, rtol=0, atol=1e-5)  # as on a GPU


def test_threads_share_the_items_and_change_nothing():
    waveforms = [noise(0.5, RATE, seed=seed) for seed in range(5)]
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = changed(TimeStretch(RATE), *waveforms)
        torch.set_num_threads(2)
        shared = changed(TimeStretch(RATE), *waveforms)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)

    assert torch.equal(alone, shared)
