import numpy as np
import pytest

from components.errors import DataError
from components.training.plan import Plan


def plan(clips: int = 10, batch_size: int = 3, seed: int = 0, rank: int = 0, world: int = 1, samples: int = 100, length: int = 40) -> Plan:
    return Plan(np.full(clips, samples, np.int64), length, batch_size, seed, rank, world)


def places(chosen: Plan, steps: range) -> list[int]:
    return [int(place) for windows, _ in chosen.windows(steps) for place in windows]


def test_an_epoch_takes_no_clip_twice_and_leaves_less_than_a_step() -> None:
    taken = places(plan(clips=10, batch_size=3), range(3))
    assert plan().steps_per_epoch == 3
    assert len(taken) == len(set(taken)) == 9


def test_every_epoch_has_an_order_of_its_own() -> None:
    chosen = plan(clips=12)
    first, second = places(chosen, range(4)), places(chosen, range(4, 8))
    assert sorted(first) == sorted(second) == list(range(12))
    assert first != second


def test_the_same_seed_draws_the_same_windows_from_any_step_on() -> None:
    whole = list(plan().windows(range(9)))
    resumed = list(plan().windows(range(4, 9)))
    for (places_a, starts_a), (places_b, starts_b) in zip(whole[4:], resumed, strict=True):
        np.testing.assert_array_equal(places_a, places_b)
        np.testing.assert_array_equal(starts_a, starts_b)
    assert places(plan(seed=1), range(9)) != places(plan(seed=0), range(9))


def test_windows_lie_inside_the_clip_and_reach_both_ends() -> None:
    starts = np.concatenate([starts for _, starts in plan(clips=4, batch_size=4, samples=42, length=40).windows(range(50))])
    assert set(starts) == {0, 1, 2}


def test_a_clip_shorter_than_a_window_starts_at_its_first_sample() -> None:
    assert all((starts == 0).all() for _, starts in plan(samples=10, length=40).windows(range(6)))


def test_a_window_moves_between_epochs() -> None:
    first, second = (starts[np.argsort(order)] for order, starts in plan(clips=8, batch_size=8, samples=10_000).windows(range(2)))
    assert (first != second).all()


@pytest.mark.parametrize("clips", [8, 11])
def test_two_devices_take_what_one_takes(clips: int) -> None:
    one = list(plan(clips, batch_size=4).windows(range(6)))
    shares = [list(plan(clips, batch_size=4, rank=rank, world=2).windows(range(6))) for rank in range(2)]
    for step, (whole, starts) in enumerate(one):
        np.testing.assert_array_equal(np.concatenate([share[step][0] for share in shares]), whole)
        np.testing.assert_array_equal(np.concatenate([share[step][1] for share in shares]), starts)


def test_fewer_clips_than_a_batch_make_a_smaller_batch() -> None:
    assert len(places(plan(clips=5, batch_size=32), range(1))) == 5
    assert len(places(plan(clips=5, batch_size=32, rank=1, world=2), range(1))) == 2


def test_fewer_clips_than_devices_is_an_error() -> None:
    with pytest.raises(DataError, match="1 training clips are too few for 2 devices"):
        plan(clips=1, world=2)
