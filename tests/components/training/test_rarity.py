import numpy as np
import pytest

from components.training.plan import Plan
from components.training.rarity import rarity

KNOWN = np.ones((6, 2), np.float32)


def labels(*rows: tuple[int, int]) -> np.ndarray:
    return np.array(rows, np.float32)


def test_each_label_is_drawn_alike() -> None:
    weights = rarity(labels((1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 1)), KNOWN)
    np.testing.assert_allclose(weights, [1, 1, 1, 1, 2, 2])


def test_the_rarest_label_of_a_clip_decides() -> None:
    weights = rarity(labels((1, 0), (1, 0), (1, 0), (1, 0), (1, 1), (0, 0)), KNOWN)
    np.testing.assert_allclose(weights, [1, 1, 1, 1, 5, 1])


def test_what_is_unknown_is_not_counted() -> None:
    mask = KNOWN.copy()
    mask[5, 1] = 0
    weights = rarity(labels((1, 0), (1, 0), (1, 0), (1, 0), (0, 1), (0, 1)), mask)
    np.testing.assert_allclose(weights, [1, 1, 1, 1, 4, 1])
    np.testing.assert_allclose(rarity(np.full((3, 2), np.nan, np.float32), np.zeros((3, 2), np.float32)), [1, 1, 1])


def test_no_clip_counts_more_than_twenty_times_another() -> None:
    targets = np.zeros((1000, 2), np.float32)
    targets[:999, 0], targets[999, 1] = 1, 1
    assert rarity(targets, np.ones_like(targets))[999] == 20


def plan(weights: np.ndarray | None, rank: int = 0, world: int = 1, seed: int = 0) -> Plan:
    return Plan(np.full(12, 100, np.int64), 40, 6, seed, rank, world, weights)


def test_an_epoch_takes_a_clip_as_often_as_its_share_says() -> None:
    weights = np.array([1.0] * 8 + [2.0] * 4)
    for epoch in range(5):
        drawn = np.concatenate([places for places, _ in plan(weights).windows(range(2 * epoch, 2 * epoch + 2))])
        times = np.bincount(drawn, minlength=12)
        assert set(times[:8]) <= {0, 1}  # 12 draws x 1/16
        assert set(times[8:]) <= {1, 2}


def test_draws_come_to_the_weights_in_the_long_run() -> None:
    weights = np.array([1.0, 3.0] * 6)
    drawn = np.concatenate([places for places, _ in plan(weights).windows(range(800))])
    assert np.bincount(drawn % 2) / len(drawn) == pytest.approx([0.25, 0.75], abs=0.02)


def test_equal_weights_take_every_clip_once() -> None:
    drawn = np.concatenate([places for places, _ in plan(np.full(12, 7.0)).windows(range(2))])
    assert sorted(drawn) == list(range(12))


def test_the_same_seed_and_step_draw_the_same_and_devices_share_a_step() -> None:
    weights = np.array([1.0, 5.0] * 6)
    whole = [places for places, _ in plan(weights).windows(range(6))]
    resumed = [places for places, _ in plan(weights).windows(range(3, 6))]
    np.testing.assert_array_equal(whole[3:], resumed)
    shares = [[places for places, _ in plan(weights, rank, 2).windows(range(6))] for rank in range(2)]
    np.testing.assert_array_equal(np.concatenate(shares, axis=1), whole)
    assert not np.array_equal(whole, [places for places, _ in plan(weights, seed=1).windows(range(6))])
