"""Whether scores can be read as probabilities is said only where there are enough of them."""

from types import SimpleNamespace

import numpy as np

from components.evaluation.predictions import Predicted
from components.evaluation.wording import calibration

CLAIM = "scores can be read as probabilities"


def told(*ranges: tuple[float, int, int]) -> str:
    """What is said of scores, as (score, how many have it, how many of them are true)."""
    scores = np.concatenate([np.full(many, score) for score, many, _ in ranges])[:, None]
    targets = np.concatenate([np.arange(many) < true for _, many, true in ranges])[:, None]
    predicted = Predicted(scores, targets, np.ones_like(targets), scores >= 0.5, np.arange(len(scores)).astype(str))
    return calibration(SimpleNamespace(metrics=SimpleNamespace(values={"calibration_error": 0.078}), predicted=predicted))


def test_a_few_scores_in_each_range_are_too_few_to_tell() -> None:
    few = "there are too few clips to tell whether scores can be read as probabilities:"
    thirteen = told((0.05, 8, 0), (0.45, 2, 0), (0.62, 1, 0), (0.76, 2, 2))
    assert f"{few} none of the ten ranges has 30 scores or more." in thirteen
    assert "in no range" not in thirteen
    assert f"{few} 1 of the ten ranges has 30 scores or more." in told((0.05, 99, 5), (0.45, 2, 0), (0.76, 29, 29))
    assert f"{few} 2 of the ten ranges have 30 scores or more." in told((0.05, 99, 5), (0.95, 100, 95))


def test_ranges_that_are_left_out_are_named() -> None:
    filled = [(place / 10 + 0.05, 100, 10 * place + 5) for place in range(10)]
    assert told(*filled).endswith(f"and in no range by 0.1: {CLAIM}.")
    left_out = "Ranges with fewer than 30 scores are left out here."
    assert told(*filled[:6], (0.76, 2, 0), *filled[8:]).endswith(f"and in no range by 0.1: {CLAIM}. {left_out}")
    wide = told(*filled[:6], (0.76, 2, 0), (0.95, 100, 50))
    assert wide.endswith(f"at scores from 0.9 to 1.0: 50% of them were true, so they promise too much. {left_out}")
    assert CLAIM not in wide


def test_a_wide_gap_is_told_where_one_range_is_filled() -> None:
    assert told((0.05, 5, 5), (0.25, 40, 20)).endswith(
        "The widest gap is at scores from 0.2 to 0.3: 50% of them were true, so they promise too little. "
        "Ranges with fewer than 30 scores are left out here."
    )
