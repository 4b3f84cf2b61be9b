from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from components.errors import DataError
from components.evaluation import decide
from components.labels import from_codes
from components.monitoring.drift import drift
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS, draw, logged

CONFIG = DriftConfig()
REFERENCE = draw(150, seed=1)


def test_the_same_population_is_no_drift() -> None:
    found = drift(REFERENCE, logged(400, seed=2), LABELS, CONFIG)
    assert found.state == "no drift"
    assert found.findings == ()
    assert len(found.checks) == 7 + 3 + 3 + 1
    assert found.sentence == "No drift: 400 clips sound and score like the 150 of the reference in all of 14 comparisons."
    assert found.not_checked == {"calibration": "no clip of the period was reviewed"}


def test_quieter_clips_are_found_and_nothing_else() -> None:
    found = drift(REFERENCE, logged(400, seed=2, level_db=-40.0), LABELS, CONFIG)
    assert found.state == "drift"
    assert [one.check.name for one in found.findings] == ["loudness_lufs", "peak_db"]
    assert found.findings[0].check.effect == pytest.approx(20, abs=1)
    assert found.findings[0].sentence == (
        "Loudness went from -20.4 to -39.8 LUFS (median); chance alone gives as much in fewer than one of a million periods."
    )
    assert found.sentence.startswith("Drift: loudness went from -20.4 to -39.8 LUFS (median) and 1 other input changed; chance alone")
    assert found.sentence.endswith("periods: check the gain where the clips come from.")


def test_another_mix_of_labels_is_found_where_it_is() -> None:
    found = drift(REFERENCE, logged(400, seed=2, rates=(0.5, 0.2, 0.4)), LABELS, CONFIG)
    assert {one.check.name for one in found.findings} == {"reed"}
    assert {one.check.area for one in found.findings} == {"scores", "prevalence"}
    assert "reed is found in" in found.sentence


def test_a_sound_that_only_the_embedding_hears_is_found() -> None:
    found = drift(REFERENCE, logged(400, seed=2, sound=0.8), LABELS, CONFIG)
    assert [one.check.area for one in found.findings] == ["embedding"]
    assert found.findings[0].check.sure == pytest.approx(4 / 2000)
    assert "the clips sound different (AUC 0." in found.sentence
    assert "about 1 of 500 periods: listen to some clips" in found.sentence


def test_a_new_sample_rate_is_named() -> None:
    now = logged(400, seed=2)
    now.loc[:99, "sample_rate"] = 8000
    found = drift(REFERENCE, now, LABELS, CONFIG)
    assert [one.sentence.split(";")[0] for one in found.findings] == ["8,000 Hz in 25% of clips, 0% before"]


def test_reviews_show_that_scores_mean_less() -> None:
    reference, now = draw(800, seed=1), draw(600, seed=2)
    rng = np.random.default_rng(0)
    for code in LABELS.codes:
        now[f"target_{code}"] = np.where(rng.random(600) < 0.5, np.nan, now[f"target_{code}"])
    assert drift(reference, now, LABELS, CONFIG).state == "no drift"
    now["target_bell"] = now["target_bell"] * (rng.random(600) < 0.6)
    found = drift(reference, now, LABELS, CONFIG)
    assert [(one.check.area, one.check.name) for one in found.findings] == [("calibration", "bell")]
    assert "the scores of bell no longer mean what they did" in found.sentence
    bell, drum = (one for one in found.checks if one.area == "calibration")
    assert bell.now - bell.before == pytest.approx(-0.2, abs=0.05)  # 4 of 10 bells are gone, and about half the clips have one
    assert abs(drum.now - drum.before) < drum.floor
    assert "calibration of reed" in found.not_checked


@pytest.mark.parametrize("clips", [0, 1, 99])
def test_below_the_least_there_is_no_answer(clips: int) -> None:
    found = drift(REFERENCE, logged(400, seed=2, level_db=-60.0).head(clips), LABELS, CONFIG)
    assert found.state == "too little data"
    assert found.checks == ()
    said = "1 different clip" if clips == 1 else f"{clips} different clips"
    assert found.sentence == f"Too little data: {said} in the period, 100 are needed: wait, or choose a longer period."


def test_a_small_reference_is_no_reference() -> None:
    found = drift(REFERENCE.head(40), logged(400, seed=2), LABELS, CONFIG)
    assert found.state == "too little data"
    assert "the reference has 40 clips, 100 are needed" in found.sentence


def test_a_log_without_columns_says_nothing_of_them() -> None:
    found = drift(REFERENCE, pd.DataFrame({"content": range(300)}), LABELS, CONFIG)
    assert found.state == "too little data"
    assert found.sentence == "Too little data: 300 clips were logged, but nothing of them can be compared with the reference."
    assert found.not_checked["loudness"] == "the log has none"


def test_one_content_counts_once_and_errors_and_the_future_do_not() -> None:
    now = logged(400, seed=2)
    now.loc[:299, "content"] = now.loc[0, "content"]
    now.loc[300:319, "error"] = "cut short"
    now.loc[320:324, "at"] = pd.Timestamp("2031-01-01", tz="UTC")
    found = drift(REFERENCE, now, LABELS, CONFIG, datetime(2026, 12, 1, tzinfo=UTC))
    assert found.counted.left_out == {"failed": 20, "dated after now": 5, "heard before": 299}
    assert found.counted.clips == 76
    assert found.state == "too little data"
    assert found.notes[0] == "Left out of the period: 20 rows failed, 5 rows dated after now and 299 rows heard before."


def test_clips_without_content_all_count() -> None:
    now = logged(400, seed=2)
    now["content"] = None
    assert drift(REFERENCE, now, LABELS, CONFIG).counted.clips == 400


def test_scores_and_embeddings_that_are_no_numbers_are_counted() -> None:
    now = logged(400, seed=2)
    now.loc[:29, "score_drum"] = np.nan
    now.loc[:359, "embedding_03"] = np.inf
    now["loudness_lufs"] = None
    found = drift(REFERENCE, now, LABELS, CONFIG)
    assert found.state == "no drift"
    assert found.notes == ("30 clips have a score that is no number; it counts nowhere.",)
    assert found.not_checked["loudness"] == "known of 150 clips of the reference and 0 of the period, 100 are needed"
    assert found.not_checked["embedding"] == "known of 150 clips of the reference and 40 of the period, 100 are needed"


def test_a_clip_without_a_score_was_not_decided_against() -> None:
    now = logged(500, seed=2)
    now.loc[:149, ["score_bell", "score_drum"]] = np.nan
    now.loc[:149, ["decision_bell", "decision_drum"]] = decide(np.full(2, np.nan), np.full(2, 0.5)).astype(np.int8)
    found = drift(REFERENCE, now, LABELS, CONFIG)
    assert found.state == "no drift"
    rates = {check.name: check.now for check in found.checks if check.area == "prevalence"}
    assert rates["drum"] == pytest.approx(now["decision_drum"][150:].mean())


def test_labels_that_one_side_lacks_are_named() -> None:
    found = drift(REFERENCE, logged(400, seed=2), from_codes([*LABELS.codes, "horn"]), CONFIG)
    assert found.state == "no drift"
    assert found.not_checked["scores of horn"] == "neither the reference nor the log has any"
    other = drift(REFERENCE, logged(400, seed=2, labels=from_codes(["bell", "drum", "pipe"])), LABELS, CONFIG)
    assert other.not_checked["scores of reed"] == "the log has none"


def test_two_models_in_one_period_are_refused() -> None:
    now = logged(400, seed=2)
    now.loc[200:, "model"] = "b" * 64
    with pytest.raises(DataError, match=r"^the period holds clips of the models aaaaaaaa and bbbbbbbb: compare one model at a time"):
        drift(REFERENCE, now, LABELS, CONFIG)


def test_a_million_clips_do_not_alarm_on_a_tenth_of_a_decibel() -> None:
    large = draw(2000, seed=1)
    now = pd.concat([logged(20_000, seed=seed, level_db=-20.5) for seed in range(2, 8)])
    found = drift(large, now, LABELS, CONFIG)
    assert found.state == "no drift"
    assert min(check.p for check in found.checks if check.name == "loudness_lufs") < 1e-4


def test_the_same_frames_give_the_same_verdict_and_stay_as_they_were() -> None:
    now = logged(300, seed=2, level_db=-24.0)
    kept = now.copy()
    assert drift(REFERENCE, now, LABELS, CONFIG) == drift(REFERENCE, now, LABELS, CONFIG)
    pd.testing.assert_frame_equal(now, kept)
