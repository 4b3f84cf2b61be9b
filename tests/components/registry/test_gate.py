"""The gate's word and its reasons, to the sentence."""

from dataclasses import replace

import numpy as np
import pytest

from components.config import GateConfig
from components.errors import TaggerError
from components.evaluation.metrics import measure
from components.labels import from_codes
from components.registry import Card, Decision, RegisteredModel
from components.registry.gate import Judged, decide, gate_for
from components.registry.tables import now

CLIPS = 40
GATE = GateConfig(min_f1=0.5)
TARGETS = np.tile(np.eye(2), (CLIPS // 2, 1))


def judged(wrong: int, key: str = "new", **changes: object) -> Judged:
    """Right on all clips of both labels but the first `wrong`, on which it says the opposite."""
    predicted = TARGETS.copy()
    predicted[:wrong] = 1 - predicted[:wrong]
    f1 = measure(predicted, TARGETS, None, 0.5, from_codes(["cel", "flu"])).values["f1"]
    about = Judged(f"{key}@00000000", key, ("cel", "flu"), "test", f1, predicted, TARGETS, np.ones_like(TARGETS), np.arange(CLIPS))
    return replace(about, **changes)


def test_the_first_model_needs_min_f1() -> None:
    assert decide(judged(4), None, GATE) == Decision(
        True, "promoted: nothing was in production, and macro F1 0.900 on test reaches gate.min_f1 0.5"
    )
    assert decide(judged(24), None, GATE) == Decision(
        False, "not promoted: macro F1 0.400 on test does not reach gate.min_f1 0.5, which the first model needs"
    )
    assert not decide(judged(0, f1=float("nan")), None, GateConfig()).promote


def test_a_better_model_is_promoted_with_its_figures() -> None:
    decision = decide(judged(0), judged(8, "old"), GATE)
    assert decision.promote
    assert (decision.difference, decision.against) == (pytest.approx(0.2), "old")
    assert decision.low is not None
    assert decision.high is not None
    assert 0.05 < decision.low < 0.2 < decision.high < 0.35
    assert decision.reason == (
        "promoted: macro F1 1.000 on test against 0.800 of old@00000000 in production, "
        f"difference +0.200 (90% interval {decision.low:+.3f} to {decision.high:+.3f})"
    )


def test_an_equal_model_is_promoted() -> None:
    decision = decide(judged(4), judged(4, "old"), GATE)
    assert (decision.promote, decision.difference, decision.low, decision.high) == (True, 0.0, 0.0, 0.0)


def test_a_worse_model_is_not() -> None:
    decision = decide(judged(8), judged(4, "old"), GATE)
    assert (decision.promote, decision.difference) == (False, pytest.approx(-0.1))
    assert decision.reason.endswith("; it must be at least +0.000")


def test_a_better_model_that_could_be_worse_is_not() -> None:
    new, old = judged(4), judged(4, "old")
    old.predicted[:4], old.predicted[20:25] = TARGETS[:4], 1 - TARGETS[20:25]
    decision = decide(new, replace(old, f1=0.875), GATE)
    assert decision.difference == pytest.approx(0.025, abs=0.001)
    assert decision.low is not None
    assert decision.low < -0.02
    assert not decision.promote
    assert decision.reason.endswith("; the interval's lower end must be above -0.020")
    assert decide(new, old, GateConfig(min_lower_difference=-1)).promote


def test_the_bootstrap_draws_groups() -> None:
    one_song = np.zeros(CLIPS, np.int64)
    decision = decide(judged(0, groups=one_song), judged(8, "old", groups=one_song), GATE)
    assert (decision.promote, decision.low, decision.high) == (False, -1.0, 1.0)


def test_labels_in_another_order_are_the_same_labels() -> None:
    old = judged(4, "old")
    turned = replace(old, labels=("flu", "cel"), predicted=old.predicted[:, ::-1], targets=old.targets[:, ::-1])
    assert decide(judged(4), turned, GATE) == decide(judged(4), old, GATE)


def test_what_only_a_person_may_promote() -> None:
    assert decide(judged(0, split="val"), None, GATE) == Decision(
        False, "not promoted: judged on val, and only a result on test may be promoted"
    )
    assert not decide(judged(0, split="val,test"), judged(9, "old"), GATE).promote
    other = decide(judged(0), judged(9, "old", labels=("cel", "gac")), GATE)
    assert (other.promote, other.against) == (False, "old")
    assert other.reason == "not promoted: its label set (cel, flu) is not that of old@00000000 (cel, gac), so a person must promote it"
    none = np.zeros((0, 2))
    assert "no clips" in decide(judged(0, predicted=none, targets=none, mask=none), None, GateConfig()).reason


def test_other_clips_are_a_bug_of_the_caller() -> None:
    old = judged(4, "old")
    with pytest.raises(ValueError, match="different clips"):
        decide(judged(0), replace(old, groups=old.groups[::-1]), GATE)
    with pytest.raises(ValueError, match="different clips"):
        decide(judged(0), replace(old, targets=1 - old.targets), GATE)


def registered(labels: tuple[str, ...] = ("cel", "flu")) -> RegisteredModel:
    return RegisteredModel("1", "old", "", "a" * 64, labels, "multilabel", None, True, None, now(), {}, "test", "", {}, None)


def test_production_is_scored_anew_only_where_it_can_be_compared() -> None:
    asked: list[str] = []

    def rescore(model: RegisteredModel) -> Judged:
        asked.append(model.key)
        return judged(8, "old")

    assert gate_for(judged(0), GATE, rescore)(None).promote
    assert not gate_for(judged(0, split="val"), GATE, rescore)(registered()).promote
    assert not gate_for(judged(0), GATE, rescore)(registered(("cel",))).promote
    assert asked == []
    assert gate_for(judged(0), GATE, rescore)(registered()).promote
    assert asked == ["old@aaaaaaaa"]


def test_a_production_model_that_cannot_be_scored_stops_nobody_from_registering() -> None:
    def rescore(_: RegisteredModel) -> Judged:
        raise TaggerError("its folder is damaged")

    decision = gate_for(judged(0), GATE, rescore)(registered())
    assert decision == Decision(
        False, "not promoted: old@aaaaaaaa, which is in production, could not be scored on test (its folder is damaged)", against="a" * 64
    )


def test_a_card_of_metrics() -> None:
    scores = np.array([[0.9, 0.1], [0.8, 0.9]])
    metrics = measure(scores, np.eye(2), np.array([[1, 0], [1, 1]]), 0.5, from_codes(["cel", "flu"]))
    card = Card.of(metrics.values, metrics.per_label.to_dict("records"), "test", "c" * 64)
    assert card.eval_metrics["f1_score"] == pytest.approx((2 / 3 + 1) / 2)
    assert card.eval_metrics["per_class"]["flu"] == {"precision": 1.0, "recall": 1.0, "f1_score": 1.0, "support": 1}
    assert Card.from_json(card.as_json()) == card


def test_a_quick_run_is_never_promoted() -> None:
    said = "not promoted: it comes from a quick run, of a few steps on a few clips: train without --quick"
    assert decide(judged(0, quick=True), None, GATE) == Decision(False, said)
    assert decide(judged(0, quick=True), judged(8, "old"), GATE) == Decision(False, said, against="old")
