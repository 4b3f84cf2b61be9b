"""Every augmentation on the menu keeps the contract, and probability is handled in one place."""

import inspect

import pytest
import torch

from components.augmentations import AUGMENTATIONS, Batch, Chance
from components.errors import ConfigError
from components.menus import build
from tests.fixtures.sounds import noise, write

RATE = 8000
DRAWLESS = {"TIMEINV", "NORM_AFTER_TIME_AUGS"}  # they do the same to every item
ALIKE_AT_THE_ENDS = {"TIME_MASK", "FREQ_MASK", "RANDOM_ERASE"}  # a mask of width 0 changes nothing


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("noise")
    write(folder / "room.wav", noise(0.7, RATE), RATE)

    def make(name, **params):
        known = {"noise_folder": folder} if name == "BACKGROUND_NOISE" else {}
        return build(AUGMENTATIONS, name, "augmentation", {**known, **params}, sample_rate=RATE, frame_s=0.02)

    return make


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def batch_for(augmentation, size=6):
    shape = (size, RATE) if augmentation.stage == "waveform" else (size, 1, 64, 50)
    targets = torch.eye(size, 3)
    return Batch(0.1 * torch.randn(shape, generator=seeded(1)), targets, torch.ones(size, 3))


def copy_of(batch):
    return Batch(batch.inputs.clone(), batch.targets.clone(), batch.mask.clone())


def same(first, second):
    return all(torch.equal(getattr(first, key), getattr(second, key)) for key in ("inputs", "targets", "mask"))


@pytest.mark.parametrize("name", sorted(AUGMENTATIONS))
class TestContract:
    def test_shapes_dtypes_and_finite_numbers_stay(self, made, name):
        augmentation = made(name)
        batch = batch_for(augmentation)
        changed = Chance(augmentation, 1.0)(batch, seeded())

        for key in ("inputs", "targets", "mask"):
            assert getattr(changed, key).shape == getattr(batch, key).shape
            assert getattr(changed, key).dtype == torch.float32
            assert torch.isfinite(getattr(changed, key)).all()
        assert not torch.equal(changed.inputs, batch.inputs)

    def test_same_seed_same_output_another_seed_another(self, made, name):
        chance = Chance(made(name), 1.0)
        batch = batch_for(chance.augmentation)

        assert same(chance(batch, seeded(5)), chance(batch, seeded(5)))
        assert torch.equal(chance(batch, seeded(5)).inputs, chance(batch, seeded(6)).inputs) == (name in DRAWLESS)

    def test_the_argument_is_left_untouched(self, made, name):
        chance = Chance(made(name), 1.0)
        batch = batch_for(chance.augmentation)
        before = copy_of(batch)
        chance(batch, seeded())

        assert same(batch, before)

    def test_the_global_generator_is_not_used(self, made, name):
        chance = Chance(made(name), 1.0)
        before = torch.random.get_rng_state()
        chance(batch_for(chance.augmentation), seeded())

        assert torch.equal(torch.random.get_rng_state(), before)

    def test_draws_lie_on_the_cpu_a_row_an_item(self, made, name):
        augmentation = made(name)
        draws = augmentation.draw(batch_for(augmentation), seeded())

        assert all(draw.device.type == "cpu" and len(draw) == 6 for draw in draws.values())

    def test_gradients_flow(self, made, name):
        chance = Chance(made(name), 1.0)
        batch = batch_for(chance.augmentation)
        batch.inputs.requires_grad_()
        chance(batch, seeded()).inputs.square().sum().backward()

        assert torch.isfinite(batch.inputs.grad).all()
        assert batch.inputs.grad.abs().max() > 0

    def test_silence_and_one_item_alone(self, made, name):
        augmentation = made(name)
        batch = batch_for(augmentation, size=1)
        silent = Batch(torch.zeros_like(batch.inputs), batch.targets, batch.mask)

        for one in (batch, silent):
            changed = Chance(augmentation, 1.0)(one, seeded())
            assert torch.isfinite(changed.inputs).all()
            assert torch.equal(changed.targets, one.targets)

    def test_probability_zero_changes_nothing_and_draws_as_much(self, made, name):
        augmentation = made(name)
        batch = batch_for(augmentation)
        never, always = seeded(3), seeded(3)

        assert Chance(augmentation, 0.0)(batch, never) is batch
        Chance(augmentation, 1.0)(batch, always)
        assert torch.equal(never.get_state(), always.get_state())

    def test_what_is_not_reached_stays_bit_for_bit(self, made, name):
        augmentation = made(name)
        batch = batch_for(augmentation, size=24)
        whole = Chance(augmentation, 1.0)(batch, seeded(4))
        half = Chance(augmentation, 0.5)(batch, seeded(4))
        reached = torch.rand(24, generator=seeded(4)) < 0.5

        assert 0 < reached.sum() < 24
        for key in ("inputs", "targets", "mask"):
            assert torch.equal(getattr(half, key)[~reached], getattr(batch, key)[~reached])
            torch.testing.assert_close(getattr(half, key)[reached], getattr(whole, key)[reached])
        changed = (half.inputs != batch.inputs).flatten(1).any(dim=1)
        assert (changed == reached).all() or name in ALIKE_AT_THE_ENDS

    def test_an_unknown_parameter_lists_the_known_ones(self, made, name):
        known = [key for key in inspect.signature(AUGMENTATIONS[name]).parameters if key not in ("sample_rate", "frame_s")]
        with pytest.raises(ConfigError, match=f"augmentation {name} has no parameter 'loudness'.*it takes: {', '.join(known) or 'none'}"):
            made(name, loudness=3)

    def test_text_where_a_number_belongs_is_one_sentence(self, made, name):
        for key in inspect.signature(AUGMENTATIONS[name]).parameters:
            if key not in ("sample_rate", "frame_s"):
                with pytest.raises(
                    ConfigError, match=r"(must be a number, got '?much|noise_folder much is no folder|unknown colour 'much')"
                ):
                    made(name, **{key: "much"})


def test_a_number_that_yaml_takes_for_text_is_a_number(made):
    assert made("CLIPPING", max_clipped_share="2e-2").max_share == 0.02


def test_a_probability_reaches_its_share_of_items_and_no_other(made):
    chance = Chance(made("TIME_SHIFT"), 0.3)
    inputs = torch.randn(2000, 16, generator=seeded(1))
    changed = chance(Batch(inputs, torch.zeros(2000, 1), torch.ones(2000, 1)), seeded())

    assert (changed.inputs != inputs).any(dim=1).float().mean().item() == pytest.approx(0.3, abs=0.05)
