"""Which rows of the log a verdict may stand on: one a content, of one model, without errors, not from the future."""

from datetime import datetime

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.errors import DataError
from components.evaluation.names import listed


def usable(current: pd.DataFrame, now: datetime | None = None) -> tuple[npt.NDArray[np.bool_], dict[str, int]]:
    """The rows that count, [row], and why others do not, reason -> rows.

    Args:
        current: rows of the log; of its columns `error`, `at`, `content` and `model` those count that are there.
        now: rows dated later are left out: a clock was wrong.
    Raises:
        DataError: if the rows are of several models.
    """
    kept, left_out = np.ones(len(current), bool), {}

    def drop(rows: npt.NDArray[np.bool_], reason: str) -> None:
        if count := int((rows & kept).sum()):
            left_out[reason] = count
            kept[rows] = False

    if "error" in current:
        failed = current["error"].notna().to_numpy(bool)
        drop(failed, "failed")
    if "at" in current and now is not None:
        drop((pd.to_datetime(current["at"], utc=True) > pd.Timestamp(now)).to_numpy(bool), "dated after now")
    if "content" in current:
        contents = current["content"]
        again = pd.Series(False, index=range(len(current)))
        again[kept] = contents[kept].duplicated().to_numpy() & contents[kept].notna().to_numpy()
        drop(again.to_numpy(bool), "heard before")
    _one_model(current, kept)
    return kept, left_out


def _one_model(current: pd.DataFrame, kept: npt.NDArray[np.bool_]) -> None:
    if "model" not in current:
        return
    models = sorted(str(model)[:8] for model in current["model"][kept].dropna().unique())
    if len(models) > 1:
        raise DataError(f"the period holds clips of the models {listed(models)}: compare one model at a time (--model)")


def embedding_columns(frame: pd.DataFrame) -> list[str]:
    """`embedding_00` and on, in order."""
    return sorted(str(name) for name in frame.columns if str(name).startswith("embedding_"))


def values(
    frame: pd.DataFrame, column: str, kept: npt.NDArray[np.bool_] | None = None, beside: str | None = None
) -> npt.NDArray[np.float64]:
    """A column's finite numbers, in the rows kept; none where it is not there.

    Args:
        beside: a column that has to be finite too, where it is there.
    """
    if column not in frame:
        return np.empty(0)
    numbers = _numbers(frame[column])
    known = np.isfinite(numbers)
    if beside in frame:
        known &= np.isfinite(_numbers(frame[beside]))
    return np.asarray(numbers[known if kept is None else known & kept])


def _numbers(column: pd.Series) -> npt.NDArray[np.float64]:
    return np.asarray(pd.to_numeric(column, errors="coerce").to_numpy(np.float64, na_value=np.nan))
