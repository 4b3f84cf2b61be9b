"""Whether what is served has drifted from what the tagger was judged on."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.labels import LabelSet
from components.monitoring.checks import Comparison
from components.monitoring.correction import corrected
from components.monitoring.period import usable
from components.monitoring.verdict import Counted, DriftVerdict, State
from components.monitoring.wording import findings_of, notes_on, sentence_of
from components.watch_config import DriftConfig


def drift(
    reference: pd.DataFrame, current: pd.DataFrame, label_set: LabelSet, config: DriftConfig, now: datetime | None = None
) -> DriftVerdict:
    """Compare a period of the prediction log with the reference of the tagger that made it.

    Inputs, scores and rates of each label, embeddings and, where clips were reviewed, calibration. All tests of a period together alarm
    falsely with a chance of `alpha` at most, and what is sure but small is no drift. Clips are taken to be independent once repeats of
    the same content are left out: many clips cut from one recording make it surer than it should be.

    Args:
        reference, current: a row a clip: the inputs duration_s, sample_rate, channels, loudness_lufs, peak_db, silent_share and
            clipped_share, and score_<code>, decision_<code>, target_<code> and embedding_<number>. Columns may be missing and values NaN.
            `current` may also have error, at, content and model.
        now: rows that are dated later are left out.
    Raises:
        DataError: if the period has clips of several models.
    """
    kept, left_out = usable(current, now)
    counted = Counted(int(kept.sum()), len(reference), left_out)
    comparison = Comparison(reference, current, kept, label_set, config)
    enough = min(counted.clips, counted.reference) >= config.min_clips
    checks = corrected(comparison.checks(), config.alpha) if enough else []
    findings = findings_of(checks)
    state: State = "drift" if findings else "no drift" if checks else "too little data"
    sentence = sentence_of(state, findings, checks, counted, config, label_set)
    notes = notes_on(counted, _without_scores(current, kept, label_set))
    return DriftVerdict(state, sentence, findings, tuple(checks), comparison.not_checked, counted, notes)


def _without_scores(current: pd.DataFrame, kept: npt.NDArray[np.bool_], label_set: LabelSet) -> int:
    """Clips of the period of which a score is NaN."""
    columns = [f"score_{code}" for code in label_set.codes if f"score_{code}" in current]
    missing = np.zeros(len(current), bool)
    for column in columns:
        missing |= current[column].isna().to_numpy(bool)
    return int((missing & kept).sum())
