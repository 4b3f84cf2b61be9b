import numpy as np
import pytest

from components.evaluation import tune_thresholds
from components.evaluation.thresholds import HALF_TRUST

LABELS = 8


def sigmoid(logits):
    return 1 / (1 + np.exp(-logits))


def draw(rng, clips, shift):
    """A tagger whose labels need different thresholds."""
    targets = rng.random((clips, LABELS)) < np.linspace(0.06, 0.3, LABELS)
    return sigmoid(shift + 1.2 * rng.normal(size=targets.shape) + 3 * targets), targets


def macro_f1(scores, targets, thresholds):
    said = scores >= thresholds
    return (2 * (said & targets).sum(axis=0) / np.maximum(1, said.sum(axis=0) + targets.sum(axis=0))).mean()


def plain(scores, targets):
    """The F1-maximising midpoint of each label: no smoothing, no shrinkage."""
    found = []
    for score, target in zip(scores.T, targets.T, strict=True):
        levels = np.unique(score)
        middles = np.concatenate([levels[:1] / 2, (levels[1:] + levels[:-1]) / 2])
        said = score >= middles[:, None]
        f1 = 2 * (said & target).sum(axis=1) / (said.sum(axis=1) + target.sum() + 1e-9)
        found.append(middles[np.argmax(f1)])
    return np.array(found)


def test_it_beats_a_fixed_threshold_and_plain_maximisation_on_unseen_clips():
    gains = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shift = rng.normal(-1.5, 0.6, LABELS)
        val, test = draw(rng, 100, shift), draw(rng, 2000, shift)
        ours, theirs = macro_f1(*test, tune_thresholds(*val)), macro_f1(*test, plain(*val))
        gains.append((ours - theirs, ours - macro_f1(*test, 0.5)))
    against_plain, against_half = np.mean(gains, axis=0)
    assert against_plain > 0.005
    assert against_half > 0.02


def test_separated_scores_are_cut_in_the_middle_of_the_gap():
    scores = sigmoid(np.array([[-3.0], [-2.0], [-2.0], [2.0], [2.0], [3.0]]))
    assert tune_thresholds(scores, [[0], [0], [0], [1], [1], [1]]).tolist() == pytest.approx([0.5], abs=1e-6)


def test_a_label_without_positives_gets_the_shared_threshold_and_so_does_one_with_one_score():
    rng = np.random.default_rng(0)
    targets = rng.random((80, 3)) < 0.4
    scores = sigmoid(-1 + 3 * targets + rng.normal(size=targets.shape))
    targets[:, 1] = False
    scores[:, 2] = 0.3
    thresholds = tune_thresholds(scores, targets)
    assert thresholds[1] == thresholds[2]
    assert thresholds[1] != 0.5
    only = tune_thresholds(scores[:, :1], targets[:, :1])
    assert thresholds[0] == pytest.approx(only[0], abs=1e-6)
    assert thresholds[1] == pytest.approx(only[0], abs=1e-6)


def test_shrinkage_by_hand():
    """`a` has 30 positives cut at logit 0; `b` has one, whose own cut is at logit 2: a weight of 1 / (1 + 3) on its own."""
    a = np.repeat([-2.0, 2.0], 30)
    b = np.append(np.zeros(59), 4.0)
    targets = np.stack([a > 0, b > 1], axis=1)
    found = tune_thresholds(sigmoid(np.stack([a, b], axis=1)), targets)
    logits = np.log(found / (1 - found))
    weight = 1 / (1 + HALF_TRUST)
    shared = (logits[1] - weight * 2.0) / (1 - weight)
    assert logits[0] == pytest.approx((3 * shared + 30 * 0.0) / 33, abs=1e-4)


def test_without_any_positives_it_is_one_half():
    assert tune_thresholds([[0.2, 0.9], [0.3, 0.8]], np.zeros((2, 2))).tolist() == [0.5, 0.5]
    assert tune_thresholds(np.zeros((0, 2)), np.zeros((0, 2))).tolist() == [0.5, 0.5]


def test_unknown_targets_count_nowhere():
    rng = np.random.default_rng(0)
    scores, targets = draw(rng, 100, 0.0)
    mask = rng.random(targets.shape) < 0.7
    expected = tune_thresholds(scores, targets, mask)
    assert np.array_equal(tune_thresholds(np.where(mask, scores, 0.99), np.where(mask, targets, ~targets), mask), expected)


def test_it_does_not_depend_on_the_order_of_the_clips_and_stays_inside_0_to_1():
    rng = np.random.default_rng(0)
    scores, targets = draw(rng, 700, 0.0)
    scores[0], scores[1] = 0.0, 1.0
    order = rng.permutation(700)
    thresholds = tune_thresholds(scores, targets)
    assert thresholds.dtype == np.float32
    assert thresholds.tolist() == pytest.approx(tune_thresholds(scores[order], targets[order]).tolist(), abs=1e-6)
    assert ((thresholds > 0) & (thresholds < 1)).all()


def test_nan_scores_are_refused():
    with pytest.raises(ValueError, match="scores from 0 to 1"):
        tune_thresholds([[np.nan]], [[1]])
