import math
import time

import numpy as np
import pytest
from sklearn import metrics as sk

from components.evaluation import measure
from components.evaluation.rates import calibration_bins
from components.labels import IRMAS, OPENMIC, LabelSet, from_codes

AB = from_codes(["a", "b"])
THREE = from_codes(["a", "b", "c"])
FOUR = from_codes(["a", "b", "c", "d"])


def draw(labels: LabelSet, clips: int = 200, seed: int = 0, digits: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Scores with ties, targets, a mask that hides a third, and thresholds."""
    rng = np.random.default_rng(seed)
    targets = rng.random((clips, len(labels))) < 0.3
    scores = np.round(1 / (1 + np.exp(1 - 2 * targets - rng.normal(size=targets.shape))), digits)
    return scores, targets, rng.random(targets.shape) < 0.67, rng.uniform(0.3, 0.6, len(labels)).astype(np.float32)


def test_every_overall_metric_agrees_with_scikit_learn():
    scores, targets, _, thresholds = draw(IRMAS)
    found = measure(scores, targets, None, thresholds, IRMAS).values
    said = scores.astype(np.float32) >= thresholds
    expected = {
        "accuracy": 1 - sk.hamming_loss(targets, said),
        "hamming_distance": sk.hamming_loss(targets, said),
        "f1": sk.f1_score(targets, said, average="macro", zero_division=0),
        "precision": sk.precision_score(targets, said, average="macro", zero_division=0),
        "recall": sk.recall_score(targets, said, average="macro", zero_division=0),
        "micro_f1": sk.f1_score(targets, said, average="micro", zero_division=0),
        "micro_precision": sk.precision_score(targets, said, average="micro", zero_division=0),
        "micro_recall": sk.recall_score(targets, said, average="micro", zero_division=0),
        "mAP": sk.average_precision_score(targets, scores, average="macro"),
        "LRAP": sk.label_ranking_average_precision_score(targets, scores),
        "roc_auc": sk.roc_auc_score(targets, scores, average="macro"),
    }
    assert {name: found[name] for name in expected} == pytest.approx(expected, abs=1e-12)


def test_every_label_agrees_with_scikit_learn_on_its_known_clips():
    scores, targets, mask, thresholds = draw(OPENMIC)
    found = measure(scores, targets, mask, thresholds, OPENMIC)
    f1 = []
    for place, name in enumerate(OPENMIC.full_names):
        known = mask[:, place]
        true, score = targets[known, place], scores[known, place]
        said = score.astype(np.float32) >= thresholds[place]
        f1.append(sk.f1_score(true, said))
        expected = {
            "f1": f1[-1],
            "precision": sk.precision_score(true, said),
            "recall": sk.recall_score(true, said),
            "accuracy": sk.accuracy_score(true, said),
            "average_precision": sk.average_precision_score(true, score),
            "roc_auc": sk.roc_auc_score(true, score),
            "support": true.sum(),
        }
        assert {key: found.values[f"instruments/{name}_{key}"] for key in expected} == pytest.approx(expected, abs=1e-12)
    assert found.values["f1"] == pytest.approx(np.mean(f1))
    micro = sk.f1_score(targets[mask], (scores.astype(np.float32) >= thresholds)[mask])
    assert found.values["micro_f1"] == pytest.approx(micro)


def test_masked_lrap_ranks_known_labels_only():
    scores, targets, mask, _ = draw(OPENMIC)
    expected = [
        sk.label_ranking_average_precision_score(targets[[row]][:, known], scores[[row]][:, known])
        for row, known in enumerate(mask)
        if known.any()
    ]
    assert measure(scores, targets, mask, 0.5, OPENMIC).values["LRAP"] == pytest.approx(np.mean(expected))


def test_masked_targets_and_their_scores_change_nothing():
    scores, targets, mask, thresholds = draw(IRMAS)
    before = measure(scores, targets, mask, thresholds, IRMAS, bootstrap_rounds=20)
    after = measure(np.where(mask, scores, 1 - scores), np.where(mask, targets, ~targets), mask, thresholds, IRMAS, bootstrap_rounds=20)
    assert before.values == after.values
    assert before.intervals == after.intervals


def test_by_hand():
    scores = [[0.9, 0.2], [0.8, 0.6], [0.3, 0.7], [0.1, 0.4]]
    targets = [[1, 0], [0, 1], [1, 0], [0, 1]]
    found = measure(scores, targets, None, 0.5, AB).values
    # a: said 1 1 0 0, so one hit, one false alarm, one miss; b: said 0 1 1 0, the same.
    assert [found[name] for name in ("accuracy", "f1", "precision", "recall", "micro_f1")] == [0.5] * 5
    # a ranks hit, wrong, hit, wrong: (1 + 2/3) / 2; b ranks wrong, hit, hit, wrong: (1/2 + 2/3) / 2.
    assert found["instruments/a_average_precision"] == pytest.approx(5 / 6)
    assert found["instruments/b_average_precision"] == pytest.approx(7 / 12)
    assert found["instruments/a_roc_auc"] == pytest.approx(3 / 4)
    # The true label comes first, second, second, first.
    assert found["LRAP"] == pytest.approx((1 + 1 / 2 + 1 / 2 + 1) / 4)
    assert found["instruments/a_LRAP"] == pytest.approx((1 + 1 / 2) / 2)


def test_calibration_error_by_hand():
    # Of four scores of 0.9 three are true; both of 0.25 are false: |0.9 - 0.75| * 4/6 + |0.25 - 0| * 2/6.
    found = measure([[0.9]] * 4 + [[0.25]] * 2, [[1], [1], [1], [0], [0], [0]], None, 0.5, from_codes(["a"])).values
    assert found["calibration_error"] == pytest.approx(0.15 * 4 / 6 + 0.25 * 2 / 6)
    assert found["instruments/a_calibration_error"] == pytest.approx(found["calibration_error"])
    assert calibration_bins(np.array([0.0, 0.0999, 0.1, 0.95, 1.0])).tolist() == [0, 0, 1, 9, 9]


def test_a_label_without_positives_counts_zero_in_macro_as_in_scikit_learn():
    scores, targets, _, _ = draw(THREE)
    targets[:, 1] = False
    found = measure(scores, targets, None, 0.5, THREE, bootstrap_rounds=50)
    said = scores >= 0.5
    assert found.values["f1"] == pytest.approx(sk.f1_score(targets, said, average="macro", zero_division=0))
    assert [found.values[f"instruments/b_{name}"] for name in ("f1", "precision", "recall", "support")] == [0.0] * 4
    assert math.isnan(found.values["instruments/b_average_precision"])
    assert math.isnan(found.values["instruments/b_roc_auc"])
    aps = [sk.average_precision_score(targets[:, place], scores[:, place]) for place in (0, 2)]
    assert found.values["mAP"] == pytest.approx(np.mean(aps))
    assert "instruments/b_roc_auc" not in found.flat()
    assert found.intervals["f1"][0] <= found.values["f1"] <= found.intervals["f1"][1]


def test_a_label_of_which_nothing_is_known_counts_nowhere():
    scores, targets, _, _ = draw(FOUR)
    mask = np.ones(targets.shape)
    mask[:, 3] = 0
    wide, narrow = measure(scores, targets, mask, 0.5, FOUR), measure(scores[:, :3], targets[:, :3], None, 0.5, THREE)
    overall = [name for name in narrow.values if "/" not in name]
    assert {name: wide.values[name] for name in overall} == pytest.approx({name: narrow.values[name] for name in overall})
    assert wide.values["instruments/d_f1"] == 0.0
    assert wide.per_label["known"].tolist() == [200, 200, 200, 0]


def test_nothing_known_at_all_is_undefined_and_warns_nobody():
    found = measure([[0.2, 0.7]], [[0, 0]], [[0, 0]], 0.5, AB, bootstrap_rounds=10)
    assert math.isnan(found.values["f1"])
    assert set(found.flat()) == {"micro_f1", "micro_precision", "micro_recall", *(name for name in found.flat() if "/" in name)}


def test_per_label_table_and_decisions_at_the_threshold():
    found = measure([[0.5, 0.4], [0.2, 0.6]], [[1, 0], [0, 1]], None, np.array([0.5, 0.7], np.float32), AB)
    assert found.per_label["label"].tolist() == ["a", "b"]
    assert found.per_label["predicted"].tolist() == [1, 0]
    assert found.per_label["support"].tolist() == [1, 1]
    assert found.per_label["threshold"].tolist() == pytest.approx([0.5, 0.7])
    assert found.per_label["f1"].tolist() == [1.0, 0.0]


def test_a_float32_score_reaches_the_same_float32_threshold():
    threshold = np.float32(0.3)
    assert measure([[float(np.float32(0.3))]], [[1]], None, [threshold], from_codes(["a"])).values["f1"] == 1.0


def test_a_thousand_rounds_are_fast():
    scores, targets, mask, thresholds = draw(IRMAS, clips=120)
    started = time.process_time()
    measure(scores, targets, mask, thresholds, IRMAS, np.arange(120) // 2, 1000)
    assert time.process_time() - started < 5.0  # one by one they take 11


@pytest.mark.parametrize(
    ("scores", "targets", "mask", "groups", "complaint"),
    [
        ([[0.5]], [[1, 0]], None, None, "of one shape"),
        ([[0.5, 0.5]], [[1, 0]], [[1]], None, "of one shape"),
        ([[math.nan, 0.5]], [[1, 0]], None, None, "scores from 0 to 1"),
        ([[2.0, 0.5]], [[1, 0]], None, None, "scores from 0 to 1"),
        ([[0.5, 0.5]], [[1, 0]], None, ["x", "y"], "one group for each of 1 clips"),
        ([[0.5]], [[1]], None, None, "a column for each of the 2 labels"),
    ],
)
def test_what_does_not_fit_is_said(scores, targets, mask, groups, complaint):
    with pytest.raises(ValueError, match=complaint):
        measure(scores, targets, mask, 0.5, AB, groups)
