import math

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, roc_auc_score

from components.evaluation import measure, paired_difference
from components.evaluation.arrays import scored
from components.evaluation.bootstrap import draw_weights, interval
from components.evaluation.rates import count, rankings
from components.labels import from_codes

A = from_codes(["a"])
AB = from_codes(["a", "b"])


def test_a_group_is_drawn_whole_and_rounds_keep_their_size():
    weights = draw_weights(np.array([0, 0, 1, 2, 2, 2]), 500, np.random.default_rng(0))
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 3] == weights[:, 5]).all()
    assert (weights[:, [0, 2, 3]].sum(axis=1) == 3).all()
    assert weights[:, 2].mean() == pytest.approx(1, abs=0.1)


def test_weighted_metrics_agree_with_scikit_learn_sample_weights():
    rng = np.random.default_rng(1)
    targets, scores = rng.random(80) < 0.4, np.round(rng.random(80), 1)
    weights = rng.multinomial(80, np.full(80, 1 / 80), size=3)
    known = scored(scores[:, None], targets[:, None])
    precision, area = rankings(known, weights.astype(float))
    f1 = count(known, known.scores >= 0.5, weights.astype(float)).f1
    for row, weight in enumerate(weights):
        assert precision[row, 0] == pytest.approx(average_precision_score(targets, scores, sample_weight=weight))
        assert area[row, 0] == pytest.approx(roc_auc_score(targets, scores, sample_weight=weight))
        assert f1[row, 0] == pytest.approx(f1_score(targets, scores >= 0.5, sample_weight=weight))


def test_interval_is_numpys_percentile_and_leaves_undefined_rounds_out():
    rounds = np.random.default_rng(0).random((101, 3))
    rounds[:40, 1] = np.nan
    rounds[:, 2] = np.nan
    low, high = interval(rounds, 0.9)
    assert [low[0], high[0]] == pytest.approx(np.percentile(rounds[:, 0], [5, 95]))
    assert [low[1], high[1]] == pytest.approx(np.percentile(rounds[40:, 1], [5, 95]))
    assert math.isnan(low[2])
    assert math.isnan(high[2])


def test_same_seed_same_interval_whatever_the_order_of_the_clips():
    rng = np.random.default_rng(0)
    targets, scores, groups = rng.random((60, 2)) < 0.4, rng.random((60, 2)), np.arange(60) // 3
    order = rng.permutation(60)
    one = measure(scores, targets, None, 0.5, AB, groups, 200, seed=3)
    same = measure(scores[order], targets[order], None, 0.5, AB, groups[order], 200, seed=3)
    assert one.intervals["f1"] == pytest.approx(same.intervals["f1"])
    assert one.intervals != measure(scores, targets, None, 0.5, AB, groups, 200, seed=4).intervals


def test_blocks_of_rounds_give_the_rounds_of_one_block(monkeypatch):
    rng = np.random.default_rng(0)
    targets, scores = rng.random((50, 2)) < 0.4, rng.random((50, 2))
    whole = measure(scores, targets, None, 0.5, AB, None, 100).intervals
    monkeypatch.setattr("components.evaluation.metrics.BLOCK", 350)
    parts = measure(scores, targets, None, 0.5, AB, None, 100).intervals
    assert {name: low for name, (low, _) in parts.items()} == pytest.approx({name: low for name, (low, _) in whole.items()})


def test_intervals_hold_the_truth_about_as_often_as_they_say():
    """Recall of 0.7 in 40 groups of clips that share their fate: 90% intervals by groups hold it, intervals by clips do not."""
    rng = np.random.default_rng(0)
    by_group = by_clip = 0
    for seed in range(200):
        found = np.repeat(rng.random(40) < 0.7, 4)
        scores, targets = found[:, None].astype(float), np.ones((160, 1))
        low, high = measure(scores, targets, None, 0.5, A, np.arange(160) // 4, 200, 0.9, seed).intervals["recall"]
        by_group += low <= 0.7 <= high
        low, high = measure(scores, targets, None, 0.5, A, None, 200, 0.9, seed).intervals["recall"]
        by_clip += low <= 0.7 <= high
    assert 0.83 <= by_group / 200 <= 0.95
    assert by_clip / 200 < 0.75


def test_a_round_without_a_rare_labels_positives_is_left_out_of_its_interval():
    targets = np.zeros((40, 1))
    targets[0] = 1
    found = measure(targets, targets, None, 0.5, A, None, 300)
    assert found.intervals["instruments/a_f1"] == (1.0, 1.0)
    assert found.intervals["f1"] == (1.0, 1.0)


def test_one_group_gives_no_interval():
    found = measure([[0.9], [0.1]], [[1], [0]], None, 0.5, A, ["song", "song"], 100)
    assert found.intervals == {}
    assert found.per_label["f1_low"].isna().all()


def test_paired_difference_by_hand_and_against_scikit_learn():
    rng = np.random.default_rng(0)
    targets = rng.random((90, 3)) < 0.4
    a, b = targets ^ (rng.random((90, 3)) < 0.1), targets ^ (rng.random((90, 3)) < 0.3)
    difference, low, high = paired_difference(a, b, targets, None, np.arange(90) // 2, 0.9, 500, 0)
    expected = f1_score(targets, a, average="macro") - f1_score(targets, b, average="macro")
    assert difference == pytest.approx(expected)
    assert 0 < low < difference < high
    assert paired_difference(b, a, targets, None, np.arange(90) // 2, 0.9, 500, 0) == pytest.approx((-difference, -high, -low))
    assert paired_difference(a, a, targets, None, None, 0.9, 500, 0) == (0.0, 0.0, 0.0)


def test_paired_difference_counts_known_targets_only():
    targets, mask = np.array([[1, 0], [0, 1], [1, 1]]), np.array([[1, 1], [1, 0], [1, 1]])
    worse = np.array([[1, 0], [0, 0], [1, 1]])
    assert paired_difference(targets, worse, targets, mask, None, 0.9, 50, 0) == (0.0, 0.0, 0.0)


def test_pairing_is_tighter_than_comparing_two_intervals():
    rng = np.random.default_rng(2)
    targets = rng.random((120, 2)) < 0.4
    a = targets ^ (rng.random((120, 2)) < 0.25)
    b = np.where(rng.random((120, 2)) < 0.04, ~a, a)
    _, low, high = paired_difference(a, b, targets, None, None, 0.9, 500, 0)
    alone = measure(a.astype(float), targets, None, 0.5, AB, None, 500, 0.9).intervals["f1"]
    assert high - low < 0.6 * (alone[1] - alone[0])


def test_a_single_group_says_nothing_about_others():
    assert paired_difference([[1], [1]], [[0], [1]], [[1], [1]], None, ["s", "s"], 0.9, 10, 0)[1:] == (-1.0, 1.0)
