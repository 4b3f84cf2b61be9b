"""Calibration from reviews that the queue chose: it looks for uncertain clips, and that alone must not look like a drift."""

import hashlib

import numpy as np
import pandas as pd
import pytest

from components.monitoring.drift import drift
from components.monitoring.review_queue import queue
from components.monitoring.verdict import DriftVerdict
from components.registry.reviews import Pool
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS

CONFIG = DriftConfig()
THRESHOLDS = np.array([0.15, 0.3, 0.07])  # as those of rare labels are, deep in the first of ten equal ranges of the score
HEARD, REFERENCE = 5000, 2000
CONTENTS = [hashlib.sha256(str(place).encode()).hexdigest() for place in range(HEARD)]


def heard(clips: int, rng: np.random.Generator, offset: float, steepness: float, share: float = 1.0) -> pd.DataFrame:
    """Clips with the truth of each. A score understates by `offset` logits; at equal score `share` of what was true is true."""
    logits = np.array([-2.5, -1.5, -3.5]) + rng.normal(0, 3, (clips, 3))
    true = rng.random(logits.shape) < share / (1 + np.exp(-logits))
    scores = 1 / (1 + np.exp(-steepness * (logits - offset)))
    told: dict[str, object] = {f"score_{code}": scores[:, place] for place, code in enumerate(LABELS.codes)}
    told |= {f"decision_{code}": (scores[:, place] >= THRESHOLDS[place]).astype(np.int8) for place, code in enumerate(LABELS.codes)}
    return pd.DataFrame(told | {f"target_{code}": true[:, place].astype(np.float32) for place, code in enumerate(LABELS.codes)})


def watched(
    seed: int, reviews: int, share: float = 1.0, offset: float = 2.0, steepness: float = 1.0, reference: int = REFERENCE
) -> DriftVerdict:
    """The verdict on a period of which the real queue's first clips were reviewed."""
    rng = np.random.default_rng(seed)
    then, now = heard(reference, rng, offset, steepness), heard(HEARD, rng, offset, steepness, share)
    scores = now[[f"score_{code}" for code in LABELS.codes]].to_numpy(np.float32)
    contents = [CONTENTS[place] for place in rng.permutation(HEARD)]
    pool = Pool(LABELS.codes, contents, contents, scores)
    asked = [one.row for one in queue(pool, set(), THRESHOLDS.tolist(), "multilabel", reviews)]
    now.loc[~np.isin(np.arange(HEARD), asked), [f"target_{code}" for code in LABELS.codes]] = np.nan
    return drift(then, now, LABELS, CONFIG)


def alarms(found: DriftVerdict) -> set[str]:
    return {one.check.name for one in found.findings if one.check.area == "calibration"}


def test_clips_that_the_queue_chose_are_no_drift() -> None:
    found = [watched(seed, reviews=150) for seed in range(25)]
    assert not any(alarms(one) for one in found)
    chances = [check.p for one in found for check in one.checks if check.area == "calibration"]
    assert len(chances) == 75
    assert np.mean(np.array(chances) < 0.05) < 0.15


def test_scores_that_mean_half_as_much_are_found_with_enough_reviews() -> None:
    found = [watched(seed, reviews=300, share=0.5) for seed in range(10)]
    assert all(alarms(one) for one in found)
    (surest, *_) = [one.check for one in found[0].findings if one.check.area == "calibration"]
    assert surest.now == pytest.approx(surest.before / 2, abs=0.1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("reviews", "reference", "offset", "steepness"),
    [(60, 2000, 2.0, 1.0), (300, 300, 2.0, 1.0), (300, 2000, 0.0, 1.8), (300, 2000, 0.0, 0.4)],
)
def test_no_more_periods_alarm_than_alpha_allows(reviews: int, reference: int, offset: float, steepness: float) -> None:
    """Scores that understate, that are too sure and not sure enough, all as they were in the reference."""
    found = [watched(seed, reviews, offset=offset, steepness=steepness, reference=reference) for seed in range(400)]
    chances = np.array([check.p for one in found for check in one.checks if check.area == "calibration"])
    assert np.mean(chances < 0.05) < 0.065
    assert sum(bool(alarms(one)) for one in found) <= 7  # 0.025 / 3 of 400 are 3.3, and 8 or more come in 2 of 100 then
