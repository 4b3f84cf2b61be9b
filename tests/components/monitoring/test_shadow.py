"""The statistics of the shadow, by simulation, and what is heard of reviewed clips."""

import numpy as np
import pytest

from components.config import GateConfig
from components.evaluation.bootstrap import paired_difference
from components.monitoring.shadow import Beside, compare, confidence_at, look_size

LABELS = 8
GATE = GateConfig(promote="after_shadow")
RATES = np.linspace(0.1, 0.5, LABELS)


def drawn(clips: int, rng: np.random.Generator, ours: float, theirs: float, alike: float = 0.7) -> Beside:
    """Both err on a share of the labels, on the same ones mostly."""
    targets = rng.random((clips, LABELS)) < RATES
    chance = rng.random((2, clips, LABELS))
    chance[1] = np.where(rng.random((clips, LABELS)) < alike, chance[0], chance[1])
    candidate, production = targets ^ (chance[0] < ours), targets ^ (chance[1] < theirs)
    return Beside(candidate, production, targets)


def outcome(beside: Beside, gate: GateConfig) -> str:
    """What the looks come to, one after the other, until one is clear."""
    size = gate.shadow_min_clips
    while size <= len(beside):
        _, low, high = compare(beside.first(size), gate)
        if low > -gate.shadow_tolerance:
            return "promoted"
        if high < -gate.shadow_tolerance:
            return "refused"
        size *= 2
    return "waits"


def test_looks_double() -> None:
    sizes = [look_size(clips, 100) for clips in (0, 99, 100, 199, 200, 399, 400, 799, 800)]
    assert sizes == [None, None, 100, 100, 200, 200, 400, 400, 800]


def test_later_looks_err_less_and_all_together_no_more_than_the_gate_allows() -> None:
    gate = GateConfig(confidence=0.9, shadow_min_clips=50)
    chances = [1 - confidence_at(50 * 2**place, gate) for place in range(20)]
    assert chances[:3] == pytest.approx([0.05, 0.025, 0.0125])
    assert sum(chances) <= 0.1 + 1e-9


def test_the_same_decisions_hold() -> None:
    beside = drawn(100, np.random.default_rng(0), 0.1, 0.1, alike=1.0)
    assert compare(beside, GATE) == (0.0, 0.0, 0.0)
    assert outcome(beside, GATE) == "promoted"


def test_labels_that_no_clip_has_do_not_dilute_the_difference() -> None:
    rng = np.random.default_rng(3)
    beside = drawn(200, rng, 0.2, 0.1)
    none = np.zeros((200, LABELS), bool)
    wide = Beside(*(np.concatenate([part, none], axis=1) for part in (beside.candidate, beside.production, beside.targets)))
    assert compare(wide, GATE) == compare(beside, GATE)


@pytest.mark.slow
def test_a_tagger_that_is_worse_by_the_tolerance_is_seldom_promoted_and_an_equal_one_is(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of the worse ones 5 % may be promoted over all looks: 120 draws then give more than 14 in fewer than one of 1,000 tests."""
    monkeypatch.setattr("components.monitoring.shadow.ROUNDS", 1000)
    rng = np.random.default_rng(5)
    rounds, most = 120, 400
    edge = _error_for(GATE.shadow_tolerance)
    worse = [outcome(drawn(most, rng, edge, 0.1), GATE) for _ in range(rounds)]
    equal = [outcome(drawn(most, rng, 0.1, 0.1), GATE) for _ in range(rounds)]
    assert worse.count("promoted") <= 14
    assert equal.count("promoted") >= 0.9 * rounds
    assert equal.count("refused") <= 14


def _error_for(worse_by: float) -> float:
    """The share of labels on which a candidate errs whose macro F1 is lower by so much."""
    rng = np.random.default_rng(6)
    errors = np.linspace(0.1, 0.2, 21)
    sides = [drawn(40_000, rng, float(error), 0.1) for error in errors]
    differences = [paired_difference(one.candidate, one.production, one.targets, None, None, 0.9, rounds=2)[0] for one in sides]
    return float(np.interp(worse_by, -np.array(differences), errors))
