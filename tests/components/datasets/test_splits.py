"""Splitting: groups whole, classes in train, the same on every machine."""

from itertools import product

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from components.datasets.splits import shares_of, split_groups
from components.errors import ConfigError

# The same examples each time, and no clock: the machine may be busy.
steady = settings(deadline=None, derandomize=True, database=None, suppress_health_check=[HealthCheck.too_slow])
LABELS = ["a", "b", "c", "d"]
clips = st.lists(st.sets(st.sampled_from(LABELS)).map(frozenset), min_size=1, max_size=6)
many_groups = st.dictionaries(st.text(min_size=1, max_size=4), clips, min_size=1, max_size=40)
shares = st.tuples(st.floats(0, 0.45), st.floats(0, 0.45)).map(lambda pair: shares_of(*pair))


def clips_in(groups, splits, split: str) -> list[frozenset[str]]:
    return [clip for group, members in groups.items() if splits[group] == split for clip in members]


@steady
@given(many_groups, shares, st.integers(0, 9))
def test_each_group_is_in_one_split_that_has_a_share(groups, wanted, seed: int) -> None:
    splits = split_groups(groups, wanted, seed)
    assert splits.keys() == groups.keys()
    assert set(splits.values()) <= {split for split, share in wanted.items() if share > 0}


@steady
@given(many_groups, shares, st.integers(0, 9))
def test_every_class_is_in_train(groups, wanted, seed: int) -> None:
    splits = split_groups(groups, wanted, seed)
    there = {label for members in groups.values() for clip in members for label in clip}
    assert {label for clip in clips_in(groups, splits, "train") for label in clip} == there


@steady
@given(many_groups, shares, st.integers(0, 9), st.randoms(use_true_random=False))
def test_the_order_of_files_does_not_matter(groups, wanted, seed: int, random) -> None:
    names = list(groups)
    random.shuffle(names)
    shuffled = {name: random.sample(groups[name], len(groups[name])) for name in names}
    assert split_groups(shuffled, wanted, seed) == split_groups(groups, wanted, seed)


@steady
@given(st.dictionaries(st.text(min_size=1, max_size=4), clips, min_size=12, max_size=40), st.integers(0, 9))
def test_no_split_is_empty_where_train_can_spare_a_group(groups, seed: int) -> None:
    groups |= {f"plain {number}": [frozenset()] for number in range(3)}
    assert set(split_groups(groups, shares_of(0.02, 0.02), seed).values()) == {"train", "val", "test"}


def test_shares_are_kept_for_each_label() -> None:
    groups = {f"{label}/{song}": [{label}] * 3 for label, song in product(LABELS, range(20))}
    splits = split_groups(groups, shares_of(0.15, 0.15), 0)
    for label in LABELS:
        sizes = [sum(label in clip for clip in clips_in(groups, splits, split)) for split in ("train", "val", "test")]
        assert sizes == [42, 9, 9]


def test_many_labels_a_clip_are_spread_too() -> None:
    pairs = [frozenset(pair) for pair in product(LABELS, LABELS)]
    groups = {f"{number}": [pairs[number % 16]] for number in range(400)}
    splits = split_groups(groups, shares_of(0.2, 0.1), 3)
    for label in LABELS:
        count = {split: sum(label in clip for clip in clips_in(groups, splits, split)) for split in ("train", "val", "test")}
        assert sum(count.values()) == 175
        assert count["val"] == pytest.approx(35, abs=4)
        assert count["test"] == pytest.approx(17.5, abs=4)


def test_a_group_too_large_for_val_stays_in_train() -> None:
    groups = {"large": [{"a"}] * 50} | {f"small {number}": [{"a"}] * 10 for number in range(5)}
    for seed in range(10):
        splits = split_groups(groups, shares_of(0.15, 0.15), seed)
        assert splits["large"] == "train"
        assert set(splits.values()) == {"train", "val", "test"}


def test_the_seed_draws() -> None:
    groups = {str(number): [{"a"}] for number in range(40)}
    splits = [split_groups(groups, shares_of(0.2, 0), seed) for seed in range(5)]
    draws = {tuple(sorted(name for name, split in drawn.items() if split == "val")) for drawn in splits}
    assert len(draws) == 5
    assert split_groups({"x": [{"a"}], "y": [{"a"}], "z": [{"a"}], "w": [{"a"}]}, shares_of(0.25, 0), 0) == {
        "w": "train",
        "x": "val",
        "y": "train",
        "z": "train",
    }  # pinned: a change of the draw changes everybody's val


def test_shares_that_leave_nothing_for_train() -> None:
    with pytest.raises(ConfigError, match=r"data\.val_share 0\.6 and data\.test_share 0\.4 leave nothing for train"):
        shares_of(0.6, 0.4)
