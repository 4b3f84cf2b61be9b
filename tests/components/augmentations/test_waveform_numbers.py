"""CLIPPING, SEVEN_BAND_EQ, CONCAT_N_SAMPLES, TIMEINV and NORM_AFTER_TIME_AUGS in numbers."""

import pytest
import torch

from components.augmentations import Batch
from components.augmentations.clipping import Clipping
from components.augmentations.concat_samples import ConcatSamples
from components.augmentations.equalizer import CENTRES_HZ, SevenBandEq
from components.augmentations.normalize import Normalize
from components.augmentations.time_inversion import TimeInversion
from components.errors import ConfigError

RATE = 22050


def batch_of(inputs, targets=None, mask=None):
    targets = torch.eye(len(inputs)) if targets is None else torch.tensor(targets)
    return Batch(inputs, targets, torch.ones_like(targets) if mask is None else torch.tensor(mask))


def tones(frequency_hz, size=1, time=RATE):
    return (0.3 * torch.sin(2 * torch.pi * frequency_hz * torch.arange(time) / RATE)).repeat(size, 1)


class TestClipping:
    @pytest.mark.parametrize("time", [500, 66150])
    def test_it_reaches_its_share_of_samples(self, time):
        inputs = torch.randn(4, time, generator=torch.Generator().manual_seed(0))
        shares = torch.tensor([0.0, 0.02, 0.1, 0.5])
        clipped = Clipping().apply(batch_of(inputs), {"share": shares}).inputs

        torch.testing.assert_close((clipped != inputs).float().mean(dim=1), shares, rtol=0, atol=0.01)
        assert (clipped.abs().amax(dim=1) <= inputs.abs().amax(dim=1)).all()

    @pytest.mark.parametrize("frequency_hz", [RATE / 16, RATE / 8, 441.0, 1378.125])
    def test_of_a_tone_too_whatever_its_period(self, frequency_hz):
        # A quarter of a sine's samples lie above sin(3/8 pi); a tone of 8 samples a period has only 5 levels and cannot be split finely.
        inputs = tones(frequency_hz + 0.37, time=66150)
        clipped = Clipping().apply(batch_of(inputs), {"share": torch.tensor([0.25])}).inputs

        assert clipped.abs().max().item() == pytest.approx(0.3 * 0.92388, rel=0.01)

    def test_what_stays_below_is_untouched(self):
        inputs = torch.linspace(-1, 1, 4000)[None]
        clipped = Clipping().apply(batch_of(inputs), {"share": torch.tensor([0.1])}).inputs

        assert torch.equal(clipped[inputs.abs() < 0.89], inputs[inputs.abs() < 0.89])

    def test_draws_lie_below_the_share(self):
        draws = Clipping(max_clipped_share=0.2).draw(batch_of(torch.zeros(2000, 1)), torch.Generator().manual_seed(0))

        assert draws["share"].max().item() == pytest.approx(0.2, abs=0.001)

    @pytest.mark.parametrize("share", [0, 1, -0.1, float("nan")])
    def test_a_share_outside_is_refused(self, share):
        with pytest.raises(ConfigError, match="CLIPPING: max_clipped_share must"):
            Clipping(share)


class TestSevenBandEq:
    @pytest.mark.parametrize("band", range(7))
    def test_each_band_gains_what_it_says_at_its_centre(self, band):
        gains = torch.tensor([[6.0, -6, 3, -12, 0, 9, -3]])
        inputs = tones(CENTRES_HZ[band])
        louder = SevenBandEq(RATE).apply(batch_of(inputs), {"gain_db": gains}).inputs
        gain_db = 10 * torch.log10(louder.square().mean() / inputs.square().mean())

        assert gain_db.item() == pytest.approx(gains[0, band].item(), abs=0.01)

    @pytest.mark.parametrize(("frequency_hz", "gain_db"), [(40, 6), (282.8427, 3), (10000, -6)])
    def test_between_and_beyond(self, frequency_hz, gain_db):
        gains = torch.tensor([[6.0, 4, 2, 0, 0, 0, -6]])
        inputs = tones(round(frequency_hz, 4), time=10 * RATE)
        louder = SevenBandEq(RATE).apply(batch_of(inputs), {"gain_db": gains}).inputs
        middle = slice(RATE, -RATE)

        ratio = louder[:, middle].square().mean() / inputs[:, middle].square().mean()
        assert 10 * torch.log10(ratio).item() == pytest.approx(gain_db, abs=0.02)

    def test_no_gain_changes_nothing(self):
        inputs = torch.randn(2, 22051)  # a prime would be slow to transform as it is
        torch.testing.assert_close(
            SevenBandEq(RATE).apply(batch_of(inputs), {"gain_db": torch.zeros(2, 7)}).inputs, inputs, rtol=0, atol=1e-5
        )

    def test_each_item_and_band_has_its_own_gain(self):
        draws = SevenBandEq(RATE, eq_gain_db=4.0).draw(batch_of(torch.zeros(500, 1)), torch.Generator().manual_seed(0))["gain_db"]

        assert draws.shape == (500, 7)
        assert draws.min().item() == pytest.approx(-4, abs=0.01)
        assert draws.max().item() == pytest.approx(4, abs=0.01)
        assert torch.corrcoef(draws.T).fill_diagonal_(0).abs().max() < 0.15


class TestConcat:
    def concatenated(self, inputs, count, turn, targets=None, mask=None):
        partners = torch.stack([torch.arange(len(inputs)).roll(-1), torch.arange(len(inputs)).roll(-2)], dim=1)
        size = len(inputs)
        draws = {"partners": partners, "count": torch.full((size,), count), "turn": torch.full((size,), turn)}
        return ConcatSamples(1000).apply(batch_of(inputs, targets, mask), draws)

    @pytest.mark.parametrize(("turn", "order"), [(0, [1, 2, 3]), (1, [3, 1, 2]), (2, [2, 3, 1])])
    def test_equal_parts_in_turn(self, turn, order):
        first = self.concatenated(torch.tensor([1.0, 2.0, 3.0])[:, None].repeat(1, 600), 3, turn).inputs[0]

        assert [first[place].item() for place in (100, 300, 500)] == order

    def test_parts_keep_their_place_and_fade_only_at_joints(self):
        inputs = 1 + torch.rand(3, 1000, generator=torch.Generator().manual_seed(0))
        first = self.concatenated(inputs, 2, 0).inputs[0]

        assert torch.equal(first[:495], inputs[0, :495])
        assert torch.equal(first[505:], inputs[1, 505:])
        torch.testing.assert_close(first[500:505] / inputs[1, 500:505], torch.arange(5) / 5)
        assert first[499] == 0

    def test_labels_are_the_union_of_what_is_heard(self):
        joined = self.concatenated(torch.ones(3, 600), 2, 0)

        assert joined.targets.tolist() == [[1, 1, 0], [0, 1, 1], [1, 0, 1]]

    def test_masks_join_as_knowledge_does(self):
        targets = [[1.0, 0, 0, 0], [0.0, 0, 0, 1]]
        mask = [[1.0, 1, 1, 0], [0.0, 1, 0, 0]]
        joined = self.concatenated(torch.ones(2, 600), 2, 0, targets, mask)

        assert joined.targets[0].tolist() == [1, 0, 0, 0]
        assert joined.mask[0].tolist() == [1, 1, 0, 0]

    def test_a_source_that_is_silent_in_its_part_brings_no_label(self):
        inputs = torch.ones(3, 600)
        inputs[1, 300:] = 0
        joined = self.concatenated(inputs, 2, 0)

        assert joined.targets.tolist() == [[1, 0, 0], [0, 1, 1], [1, 0, 1]]

    def test_what_the_item_loses_with_its_part_it_loses_as_a_label(self):
        inputs = torch.ones(3, 600)
        inputs[0, :300] = 0
        joined = self.concatenated(inputs, 2, 0)

        assert joined.targets[0].tolist() == [0, 1, 0]

    def test_silence_keeps_its_labels(self):
        assert self.concatenated(torch.zeros(3, 600), 3, 1).targets.tolist() == torch.eye(3).tolist()

    def test_draws(self):
        batch = batch_of(torch.zeros(900, 4), torch.zeros(900, 1).tolist())
        draws = ConcatSamples(RATE, concat_n_samples=4).draw(batch, torch.Generator().manual_seed(0))
        everyone = torch.cat([torch.arange(900)[:, None], draws["partners"]], dim=1)

        assert all(len(set(row)) == 4 for row in everyone.tolist())
        for count in (2, 3, 4):
            chosen = draws["count"] == count
            assert chosen.float().mean().item() == pytest.approx(1 / 3, abs=0.06)
            assert draws["turn"][chosen].unique().tolist() == list(range(count))

    def test_one_is_refused(self):
        with pytest.raises(ConfigError, match="concat_n_samples must be above 1, got 1"):
            ConcatSamples(RATE, 1)

    def test_a_half_is_refused(self):
        with pytest.raises(ConfigError, match=r"concat_n_samples must be a whole number, got 2\.5"):
            ConcatSamples(RATE, 2.5)


def test_time_inversion_runs_backwards():
    inputs = torch.arange(6.0)[None]

    assert TimeInversion().apply(batch_of(inputs), {}).inputs.tolist() == [[5, 4, 3, 2, 1, 0]]


class TestNormalize:
    def test_every_item_peaks_alike(self):
        inputs = torch.tensor([0.001, 0.3, 7.0])[:, None] * torch.randn(3, 1000, generator=torch.Generator().manual_seed(0))
        normalized = Normalize(norm_peak_db=-6.0).apply(batch_of(inputs), {}).inputs

        torch.testing.assert_close(normalized.abs().amax(dim=1), torch.full((3,), 0.50119))

    def test_silence_and_rounding_noise_are_not_raised(self):
        inputs = torch.stack([torch.zeros(100), torch.full((100,), 5e-6)])

        assert torch.equal(Normalize().apply(batch_of(inputs), {}).inputs, inputs)

    def test_above_full_scale_is_refused(self):
        with pytest.raises(ConfigError, match="norm_peak_db must lie within -100 to 0, got 3"):
            Normalize(3)
