"""What each augmentation does, in numbers."""

import pytest
import torch

from components.augmentations import AUGMENTATIONS, Batch
from components.augmentations.masks import FreqMask, TimeMask
from components.augmentations.sum_samples import SumSamples
from components.augmentations.time_shift import TimeShift
from components.errors import ConfigError
from components.menus import build

TIME = 8000


def sines(*amplitudes):
    """Sines of whole periods, each of its own frequency: their RMS is amplitude / sqrt(2), and they are orthogonal."""
    time = torch.arange(TIME) / TIME
    return torch.stack([level * torch.sin(2 * torch.pi * (50 + 30 * place) * time) for place, level in enumerate(amplitudes)])


def amplitude_of(waveform, place):
    """How much of sine number `place` is in the waveform."""
    return 2 * (waveform * sines(*[1.0] * (place + 1))[place]).mean().item()


def summed(inputs, partners, gains, targets=None, mask=None):
    targets = torch.eye(len(inputs)) if targets is None else torch.tensor(targets)
    mask = torch.ones_like(targets) if mask is None else torch.tensor(mask)
    draws = {"partners": torch.tensor(partners), "gains": torch.tensor(gains)}
    return SumSamples(3).apply(Batch(inputs, targets, mask), draws)


class TestSum:
    def test_sources_of_any_level_come_out_equally_loud(self):
        mix = summed(sines(0.5, 0.005), [[1], [0]], [[1.0], [1.0]]).inputs

        assert amplitude_of(mix[0], 0) == pytest.approx(amplitude_of(mix[0], 1), rel=1e-4)

    def test_six_decibels_down_is_half(self):
        mix = summed(sines(0.5, 0.5), [[1], [0]], [[10 ** (-6 / 20)], [0.0]]).inputs[0]

        assert amplitude_of(mix, 1) / amplitude_of(mix, 0) == pytest.approx(0.5012, abs=1e-4)

    def test_the_sum_keeps_the_loudness_of_the_item(self):
        inputs = sines(0.3, 0.01, 0.2)
        mix = summed(inputs, [[1, 2], [0, 2], [0, 1]], [[1.0, 1.0]] * 3).inputs

        torch.testing.assert_close(mix.square().mean(dim=1), inputs.square().mean(dim=1), rtol=1e-4, atol=0)

    def test_nothing_clips(self):
        # Beating sines at full loudness would peak at sqrt(2).
        mix = summed(sines(1.0, 1.0), [[1], [0]], [[1.0], [1.0]]).inputs

        assert mix.abs().max().item() == pytest.approx(1.0)

    def test_labels_are_the_union(self):
        assert summed(sines(0.1, 0.1, 0.1), [[1, 2]] * 3, [[1.0, 0.0], [1.0, 1.0], [0.0, 0.0]]).targets.tolist() == [
            [1.0, 1.0, 0.0],
            [0.0, 1.0, 1.0],
            [0.0, 0.0, 1.0],
        ]

    @pytest.mark.parametrize(
        ("one", "other", "together"),
        [
            ((1, 1), (0, 0), (1, 1)),  # known present, unknown: present
            ((0, 0), (1, 1), (1, 1)),
            ((0, 1), (0, 1), (0, 1)),  # known absent in both: absent
            ((0, 1), (0, 0), (0, 0)),  # known absent, unknown: unknown
            ((0, 0), (0, 0), (0, 0)),
            ((1, 0), (0, 1), (0, 0)),  # a 1 that is masked is no knowledge
            ((0, 1), (1, 1), (1, 1)),
        ],
    )
    def test_masks_join_as_knowledge_does(self, one, other, together):
        targets, mask = [[float(one[0])], [float(other[0])]], [[float(one[1])], [float(other[1])]]
        mix = summed(sines(0.1, 0.1), [[1], [0]], [[1.0], [0.0]], targets, mask)

        assert (mix.targets[0].item(), mix.mask[0].item()) == together

    def test_a_silent_partner_adds_neither_sound_nor_labels(self):
        inputs = sines(0.1, 0.0)
        mix = summed(inputs, [[1], [0]], [[1.0], [1.0]])

        torch.testing.assert_close(mix.inputs[0], inputs[0])
        assert mix.targets[0].tolist() == [1.0, 0.0]

    def test_a_silent_item_takes_its_partners_sound_and_labels(self):
        inputs = sines(0.1, 0.0)
        mix = summed(inputs, [[1], [0]], [[1.0], [1.0]])

        torch.testing.assert_close(mix.inputs[1], inputs[0])
        assert mix.targets[1].tolist() == [1.0, 1.0]

    def test_draws(self):
        batch = Batch(torch.zeros(400, 4), torch.zeros(400, 1), torch.ones(400, 1))
        draws = SumSamples(sum_n_samples=4, sum_level_db=6.0).draw(batch, torch.Generator().manual_seed(0))
        partners, gains = draws["partners"], draws["gains"]
        everyone = torch.cat([torch.arange(400)[:, None], partners], dim=1)

        assert all(len(set(row)) == 4 for row in everyone.tolist())
        for sources in (2, 3, 4):
            assert ((gains > 0).sum(dim=1) == sources - 1).float().mean().item() == pytest.approx(1 / 3, abs=0.08)
        levels_db = 20 * torch.log10(gains[gains > 0])
        assert -6.001 < levels_db.min().item() < -5.9
        assert 5.9 < levels_db.max().item() < 6.001

    def test_the_menu_has_two_and_n(self):
        assert build(AUGMENTATIONS, "sum-two-samples", "augmentation", {}).sum_n_samples == 2
        assert build(AUGMENTATIONS, "SUM_N_SAMPLES", "augmentation", {"sum_n_samples": 5}).sum_n_samples == 5
        with pytest.raises(ConfigError, match="no parameter 'sum_n_samples'"):
            build(AUGMENTATIONS, "SUM_TWO_SAMPLES", "augmentation", {"sum_n_samples": 5})

    def test_a_sum_of_one_is_refused(self):
        with pytest.raises(ConfigError, match="sum_n_samples 1 must be 2 or more"):
            SumSamples(1)


class TestTimeShift:
    def test_by_n_samples(self):
        batch = Batch(torch.arange(6.0).repeat(3, 1), torch.zeros(3, 1), torch.ones(3, 1))
        shifted = TimeShift(sample_rate=6).apply(batch, {"shift": torch.tensor([2, -1, 0])})

        assert shifted.inputs.tolist() == [[4, 5, 0, 1, 2, 3], [1, 2, 3, 4, 5, 0], [0, 1, 2, 3, 4, 5]]

    def test_draws_lie_within_the_seconds(self):
        batch = Batch(torch.zeros(2000, 1), torch.zeros(2000, 1), torch.ones(2000, 1))
        shift = TimeShift(sample_rate=8000, max_shift_s=0.5).draw(batch, torch.Generator().manual_seed(0))["shift"]

        assert -4000 <= shift.min() < -3900
        assert 3900 < shift.max() <= 4000

    def test_no_shift_is_refused(self):
        with pytest.raises(ConfigError, match="max_shift_s must be above 0, got -1"):
            TimeShift(8000, -1.0)


class TestMasks:
    def test_widths_and_places(self):
        batch = Batch(torch.ones(2, 1, 4, 10), torch.zeros(2, 1), torch.ones(2, 1))
        draws = {"start": torch.tensor([[2, 5], [0, 0]]), "width": torch.tensor([[3, 2], [0, 1]])}

        assert TimeMask(frame_s=0.1).apply(batch, draws).inputs[:, 0, 0].tolist() == [
            [1, 1, 0, 0, 0, 0, 0, 1, 1, 1],
            [0, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        ]

    def test_bands(self):
        batch = Batch(torch.ones(1, 2, 6, 3), torch.zeros(1, 1), torch.ones(1, 1))
        masked = FreqMask().apply(batch, {"start": torch.tensor([[1]]), "width": torch.tensor([[4]])}).inputs

        assert masked[0, :, :, 0].tolist() == [[1, 0, 0, 0, 0, 1]] * 2

    def test_time_is_in_seconds(self):
        batch = Batch(torch.ones(3000, 1, 2, 100), torch.zeros(3000, 1), torch.ones(3000, 1))
        draws = TimeMask(frame_s=0.02, time_mask_s=0.4).draw(batch, torch.Generator().manual_seed(0))

        assert draws["width"].unique().tolist() == list(range(21))
        assert draws["start"].min() == 0
        assert (draws["start"] + draws["width"]).max() == 100

    def test_a_mask_is_no_longer_than_the_picture(self):
        batch = Batch(torch.ones(500, 1, 8, 5), torch.zeros(500, 1), torch.ones(500, 1))
        draws = FreqMask(freq_mask_param=50).draw(batch, torch.Generator().manual_seed(0))

        assert draws["width"].max() == 8
        assert (draws["start"] + draws["width"]).max() == 8

    @pytest.mark.parametrize("make", [lambda: TimeMask(0.02, time_mask_s=0.0), lambda: FreqMask(freq_masks=0)])
    def test_no_mask_is_refused(self, make):
        with pytest.raises(ConfigError, match="must be above 0, got 0"):
            make()
