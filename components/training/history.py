"""The training curve: a row of numbers at each validation, kept in the run folder as `history.csv`."""

import csv
import io
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from components.files import write_whole


@dataclass(frozen=True)
class Row:
    """What one validation saw.

    Args:
        step: optimizer steps taken so far.
        train_loss: mean over the steps since the row before.
        val_f1: macro F1 of val's clips at thresholds tuned on the same clips.
        val_map: mean average precision over val's clips.
        lr: learning rate of the last step.
    """

    step: int
    train_loss: float
    val_f1: float
    val_map: float
    lr: float


COLUMNS = tuple(field.name for field in fields(Row))


def write_history(rows: list[Row], path: Path) -> None:
    """Write all rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows([f"{value:.6g}" if isinstance(value, float) else value for value in astuple(row)] for row in rows)
    write_whole(path, text.getvalue().encode())
