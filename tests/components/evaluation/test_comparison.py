import numpy as np
import pandas as pd
import pytest

from components.errors import DataError
from components.evaluation import measure, paired_difference
from components.evaluation.comparison import Comparison, Contender, compare
from components.evaluation.predictions import arrays, tabulate
from components.labels import from_codes

LABELS = from_codes(["low", "mid", "high"])
CLIPS = 24


def contender(name: str, error: float, seed: int = 0, labels=LABELS, keep: slice = slice(None)) -> Contender:
    """Scores that lie `error` from the truth on average; two clips a song; of the first clip `high` is unknown."""
    rng = np.random.default_rng(seed)
    truth = np.random.default_rng(9).random((CLIPS, len(LABELS))) < 0.4
    truth[:3] = np.eye(3, dtype=bool)
    scores = np.clip(truth + np.where(truth, -1, 1) * np.abs(rng.normal(0, error, truth.shape)), 0, 1)
    columns = [LABELS.index[code] for code in labels.codes]
    frame = pd.DataFrame({
        "clip_id": [f"c{place:02d}" for place in range(CLIPS)],
        "path": [f"{place}.wav" for place in range(CLIPS)],
        "group": [f"song{place // 2}" for place in range(CLIPS)],
        "duration_s": 1.0,
        "labels": [[code for code in labels.codes if row[LABELS.index[code]]] for row in truth],
        "unknown": [["high"] if place == 0 and "high" in labels.codes else [] for place in range(CLIPS)],
    })  # fmt: skip
    table = tabulate(frame, scores[:, columns], [0.5] * len(labels), labels)
    return Contender(name, labels, table.iloc[keep].reset_index(drop=True))


def test_the_difference_of_f1_is_that_of_the_gate() -> None:
    good, poor = contender("good", 0.3), contender("poor", 0.7, seed=1)
    made = compare([poor, good], confidence=0.9, rounds=200)
    a, b = arrays(good.predictions, LABELS), arrays(poor.predictions, LABELS)
    expected = paired_difference(a.decisions, b.decisions, a.targets, a.mask, a.groups, 0.9, rounds=200)
    found = made.differences[0]["f1"]
    assert (found.value, found.low, found.high) == expected
    assert found.value > 0
    assert found.is_clear


def test_the_values_are_those_of_the_evaluation() -> None:
    one, other = contender("one", 0.4), contender("other", 0.5, seed=1)
    made = compare([one, other], rounds=10)
    assert (made.names, made.clips, made.groups, made.left_out) == (("one", "other"), 24, 12, 0)
    for contestant, values in zip((one, other), made.values, strict=True):
        side = arrays(contestant.predictions, LABELS)
        measured = measure(side.scores, side.targets, side.mask, [0.5] * 3, LABELS, side.groups)
        assert values == {name: value for name, value in measured.values.items() if np.isfinite(value)}
    assert made.differences[0]["instruments/low_f1"].value == made.values[1]["instruments/low_f1"] - made.values[0]["instruments/low_f1"]


def test_a_tagger_does_not_differ_from_itself() -> None:
    made = compare([contender("a", 0.5), contender("b", 0.5)], rounds=20)
    assert {(one.value, one.low, one.high) for one in made.differences[0].values()} == {(0.0, 0.0, 0.0)}
    assert not made.differences[0]["f1"].is_clear


def test_three_are_each_compared_with_the_first() -> None:
    a, b, c = contender("a", 0.5), contender("b", 0.4, seed=1), contender("c", 0.6, seed=2)
    made = compare([a, b, c], rounds=20)
    assert len(made.differences) == 2
    assert made.differences[1] == compare([a, c], rounds=20).differences[0]


def test_only_what_all_have_is_compared() -> None:
    two = from_codes(["high", "low"])
    made: Comparison = compare([contender("a", 0.5), contender("b", 0.4, labels=two, keep=slice(0, 10))], rounds=5)
    assert made.label_set.codes == ("low", "high")
    assert (made.clips, made.left_out) == (10, 14)
    assert "instruments/mid_f1" not in made.values[0]


def test_one_group_has_no_interval() -> None:
    made = compare([contender("a", 0.5, keep=slice(0, 2)), contender("b", 0.4, keep=slice(0, 2))], rounds=5)
    found = made.differences[0]["f1"]
    assert np.isnan(found.low)
    assert not found.is_clear


def test_what_cannot_be_compared_is_one_sentence() -> None:
    a = contender("a", 0.5)
    with pytest.raises(DataError, match="name two or more"):
        compare([a])
    with pytest.raises(DataError, match="no label in common"):
        compare([a, Contender("b", from_codes(["other"]), a.predictions)])
    with pytest.raises(DataError, match="no clip in common: name the clips by --dataset-paths"):
        compare([contender("a", 0.5, keep=slice(0, 5)), contender("b", 0.5, keep=slice(5, 9))])
    told = a.predictions.assign(labels=[["mid"], *a.predictions["labels"][1:]])
    with pytest.raises(DataError, match="different labels of c00"):
        compare([a, Contender("b", LABELS, told)])
