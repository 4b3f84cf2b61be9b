"""What people heard in a period's clips, as `target_<code>` of its frame: what calibration is told from."""

from collections.abc import Iterable
from datetime import datetime

import numpy as np
import pandas as pd

from components.monitoring.period import usable
from components.registry.reviews import Review

SCORE = "score_"


def with_targets(current: pd.DataFrame, reviews: Iterable[Review], now: datetime | None = None) -> pd.DataFrame:
    """Rows of the log with `target_<code>`: 1 where a person heard the label, 0 where not, NaN where nobody was asked.

    A review speaks for the bytes that were heard. So it stands on the row of its content that counts (see `usable`), whichever of the
    content's predictions was reviewed, and of several reviews the newest stands there.

    Args:
        current: rows of one model, as `Predictions.frame` has them.
        reviews: of predictions that are among them.
        now: as for `drift`.
    Returns:
        The frame itself where none of its rows that count was reviewed.
    """
    newest = {one.content: one for one in sorted(reviews, key=lambda one: one.at)}
    if not newest:
        return current
    kept, _ = usable(current, now)
    rows = np.flatnonzero(kept & current["content"].isin(list(newest)).to_numpy(bool))
    if not len(rows):
        return current
    codes = [name.removeprefix(SCORE) for name in map(str, current) if name.startswith(SCORE)]
    targets = np.full((len(codes), len(current)), np.nan, np.float32)
    for row, content in zip(rows, current["content"].iloc[rows], strict=True):
        said = newest[content]
        targets[:, row] = [float(code in said.labels) if code in said.known else np.nan for code in codes]
    told = pd.DataFrame(targets.T, current.index, [f"target_{code}" for code in codes], copy=False)
    return pd.concat([current, told], axis=1)
