import numpy as np
import pandas as pd
import pytest

from components.evaluation.mistakes import co_occurrence, worst_places, wrongness
from components.evaluation.predictions import Predicted, arrays, tabulate
from components.labels import from_codes

ABC = from_codes(["a", "b", "c"])


def frame(labels, unknown=None, groups=None):
    count = len(labels)
    return pd.DataFrame(
        {
            "clip_id": [f"set/{place}" for place in range(count)],
            "path": [f"/data/{place}.wav" for place in range(count)],
            "group": groups or [str(place) for place in range(count)],
            "duration_s": 1.0,
            "labels": labels,
            "unknown": unknown or [[]] * count,
            "split": "test",
        }
    )


@pytest.fixture
def predicted() -> Predicted:
    scores = [[0.1, 0.9, 0.2], [0.3, 0.8, 0.9], [0.9, 0.1, 0.1], [0.2, 0.2, 0.7]]
    clips = frame([["a"], ["a", "b"], ["a", "c"], ["b"]], [[], [], [], ["c"]])
    return arrays(tabulate(clips, scores, [0.5, 0.5, 0.5], ABC), ABC)


def test_co_occurrence_by_hand(predicted):
    counts = co_occurrence(predicted)
    # Clip 0 misses a and reports b, clip 1 misses a and reports c, clip 2 misses c, clip 3 misses b while c is unknown.
    assert counts.pairs.tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0]]
    assert counts.missed_alone.tolist() == [0, 1, 1]
    assert counts.reported_alone.tolist() == [0, 0, 0]
    assert counts.hits.tolist() == [1, 1, 0]
    assert counts.misses.tolist() == [2, 1, 1]
    assert counts.false_alarms.tolist() == [0, 1, 1]
    assert counts.right_rejections.tolist() == [1, 1, 1]


def test_wrongness_is_the_distance_beyond_the_threshold(predicted):
    wrong = wrongness(predicted, [0.5, 0.5, 0.5])
    expected = [[0.8, 0.8, 0], [0.4, 0, 0.8], [0, 0, 0.8], [0, 0.6, 0]]
    assert wrong == pytest.approx(np.array(expected), abs=1e-6)
    assert worst_places(predicted, [0.5, 0.5, 0.5], 3) == [0, 1, 2]


def test_the_worst_clips_come_from_different_groups_first():
    scores = [[0.0, 0, 0], [0.1, 0, 0], [0.4, 0, 0], [0.9, 0, 0]]
    clips = frame([["a"]] * 4, groups=["x", "x", "y", "z"])
    predicted = arrays(tabulate(clips, scores, [0.5] * 3, ABC), ABC)
    assert worst_places(predicted, [0.5] * 3, 12) == [0, 2, 1]
    assert worst_places(predicted, [0.5] * 3, 2) == [0, 2]


def test_predictions_survive_parquet(tmp_path):
    table = tabulate(frame([["a"], []], [[], ["b", "c"]]), [[0.9, 0.5, 0.1], [0.2, 0.6, 0.3]], [0.5] * 3, ABC)
    assert table["predicted"].tolist() == [["a", "b"], ["b"]]
    assert [*table.columns] == ["clip_id", "path", "group", "duration_s", "labels", "unknown", "predicted", "score_a", "score_b", "score_c"]
    table.to_parquet(tmp_path / "predictions.parquet")
    before, after = arrays(table, ABC), arrays(pd.read_parquet(tmp_path / "predictions.parquet"), ABC)
    assert after.mask.tolist() == [[True] * 3, [True, False, False]]
    for name in ("scores", "targets", "mask", "decisions", "groups"):
        assert np.array_equal(getattr(before, name), getattr(after, name))
