"""What people heard, in the frame of a period."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd

from components.monitoring.drift import drift
from components.monitoring.period import usable
from components.monitoring.targets import with_targets
from components.registry.reviews import Review
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS, draw, logged

NOW = datetime(2026, 12, 1, tzinfo=UTC)


def review(content: str, *labels: str, hours: float = 0, known: tuple[str, ...] = LABELS.codes, prediction: str = "p") -> Review:
    """One that came so many hours after the period."""
    at = NOW + timedelta(hours=hours)
    return Review(prediction, "a" * 64, content, labels, known, "ann", at, None, (), NOW - timedelta(days=20))


def test_a_review_says_of_each_label_what_is_true_and_the_others_are_unknown() -> None:
    current = logged(5, seed=2)
    told = with_targets(current, [review("2-1", "bell", "reed"), review("2-4", "drum", known=("drum",))], NOW)
    nan = np.nan
    np.testing.assert_array_equal(told["target_bell"], [nan, 1, nan, nan, nan])
    np.testing.assert_array_equal(told["target_drum"], [nan, 0, nan, nan, 1])
    np.testing.assert_array_equal(told["target_reed"], [nan, 1, nan, nan, nan])
    pd.testing.assert_frame_equal(told[current.columns], current)
    assert "target_bell" not in current


def test_a_content_counts_once_on_the_row_that_counts_whichever_was_reviewed() -> None:
    current = logged(6, seed=2)
    current["content"] = ["x", "y", "x", "x", "z", "x"]
    current.loc[0, "error"] = "cut short"
    current.loc[4, "at"] = pd.Timestamp("2031-01-01", tz="UTC")
    reviews = [review("x", "bell", hours=2, prediction="5"), review("x", "drum", hours=1, prediction="2"), review("z", "bell")]
    told = with_targets(current, reviews, NOW)
    assert np.flatnonzero(told["target_bell"].notna()).tolist() == [2]
    assert usable(told, NOW)[0][2]
    assert told.loc[2, ["target_bell", "target_drum", "target_reed"]].tolist() == [1, 0, 0]


def test_without_a_review_of_a_row_that_counts_the_frame_stays_as_it_is() -> None:
    current = logged(5, seed=2)
    current.loc[0, "error"] = "cut short"
    assert with_targets(current, [], NOW) is current
    assert with_targets(current, [review("elsewhere", "bell"), review("2-0", "bell")], NOW) is current
    assert len(with_targets(current.head(0), [review("2-0", "bell")], NOW)) == 0


def test_too_few_reviews_are_named_once_with_how_many_are_needed() -> None:
    current = with_targets(logged(300, seed=2), [review(f"2-{place}", "bell") for place in range(12)], NOW)
    found = drift(draw(150, seed=1), current, LABELS, DriftConfig(), NOW)
    assert found.not_checked == {"calibration": "known of 12 clips of the period, 50 are needed"}
