"""RANDOM_ERASE and RANDOM_PIXELS in numbers."""

import pytest
import torch

from components.augmentations import Batch
from components.augmentations.erase import RandomErase, RandomPixels
from components.errors import ConfigError


def ones(size, bands=64, frames=100, channels=1):
    return Batch(torch.ones(size, channels, bands, frames), torch.zeros(size, 1), torch.ones(size, 1))


class TestErase:
    def test_a_rectangle_has_its_place_and_size(self):
        draws = {"band": torch.tensor([[1]]), "bands": torch.tensor([[2]]), "frame": torch.tensor([[2]]), "frames": torch.tensor([[3]])}
        erased = RandomErase(frame_s=0.02).apply(ones(1, 4, 6, channels=2), draws).inputs

        expected = [[1, 1, 1, 1, 1, 1], [1, 1, 0, 0, 0, 1], [1, 1, 0, 0, 0, 1], [1, 1, 1, 1, 1, 1]]
        assert erased[0].tolist() == [expected, expected]

    def test_two_rectangles_leave_what_lies_between(self):
        draws = {
            "band": torch.tensor([[0, 3]]), "bands": torch.tensor([[1, 1]]),
            "frame": torch.tensor([[0, 2]]), "frames": torch.tensor([[1, 2]]),
        }  # fmt: skip
        erased = RandomErase(frame_s=0.02).apply(ones(1, 4, 4), draws).inputs[0, 0]

        assert erased.tolist() == [[0, 1, 1, 1], [1, 1, 1, 1], [1, 1, 1, 1], [1, 1, 0, 0]]

    def test_seconds_and_bands_are_the_widest(self):
        draws = RandomErase(frame_s=0.02, erase_s=0.2, erase_bands=5).draw(ones(3000), torch.Generator().manual_seed(0))

        assert draws["frames"].unique().tolist() == list(range(11))
        assert draws["bands"].unique().tolist() == list(range(6))
        assert (draws["frame"] + draws["frames"]).max() == 100
        assert (draws["band"] + draws["bands"]).max() == 64

    def test_no_time_is_refused(self):
        with pytest.raises(ConfigError, match="RANDOM_ERASE: erase_s must be above 0, got 0"):
            RandomErase(0.02, erase_s=0)


class TestPixels:
    @pytest.mark.parametrize("share", [0.01, 0.05, 0.5])
    def test_its_share_of_values_is_replaced_by_noise_of_deviation_one(self, share):
        batch = Batch(torch.full((1, 1, 300, 300), 9.0), torch.zeros(1, 1), torch.ones(1, 1))
        draws = {**RandomPixels().draw(batch, torch.Generator().manual_seed(0)), "share": torch.tensor([share])}
        pixels = RandomPixels().apply(batch, draws).inputs
        replaced = pixels[pixels != 9.0]

        assert len(replaced) / 90000 == pytest.approx(share, rel=0.05)
        assert replaced.mean().item() == pytest.approx(0, abs=0.1)
        assert replaced.std().item() == pytest.approx(1, abs=0.06)

    def test_channels_lose_the_same_places(self):
        batch = ones(4, channels=3)
        changed = RandomPixels(0.3).apply(batch, RandomPixels(0.3).draw(batch, torch.Generator().manual_seed(0))).inputs != 1

        assert (changed[:, 0] == changed[:, 2]).all()
        assert changed.any()

    def test_shares_are_drawn_up_to_the_parameter(self):
        share = RandomPixels(0.2).draw(ones(2000, 1, 1), torch.Generator().manual_seed(0))["share"]

        assert share.min() < 0.001
        assert share.max().item() == pytest.approx(0.2, abs=0.001)

    def test_more_than_all_is_refused(self):
        with pytest.raises(ConfigError, match="pixel_share must be at most 1, got 2"):
            RandomPixels(2)
