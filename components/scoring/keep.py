"""Rows on their way into Parquet and the prediction log: scores first, then the log, then the files, which make a part count."""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pyarrow as pa

from components.datasets import BadClip
from components.labels import LabelSet
from components.registry.prediction import INPUTS, Prediction
from components.scoring.doubles import settle
from components.scoring.ledger import Ledger
from components.scoring.model import Model
from components.scoring.parts import FILES, SCORES, Parts
from components.scoring.rows import Row, files_of, files_table, is_to_log, scores_table

CALLER = "batch"
BAD_SHOWN = 20
PART_ROWS, PART_S = 1000, 20.0  # whichever comes first; what a crash loses at most
_NAMESPACE = uuid.UUID("6f3d0c5e-5a0b-4f6e-9d6a-2d1b7a3c8e41")
Log = Callable[[Sequence[Prediction]], None]


def mend(parts: Parts, model: Model, label_set: LabelSet, log: Log | None) -> int:
    """Finish the parts that a crash left between their scores and their files; how many.

    Where there is no log, those that are to be logged stay as they are, for a run that has one.
    """
    finished = 0
    for batch, part in parts.broken_off():
        scores = parts.read(SCORES, batch, part)
        if is_to_log(scores):
            if log is None:
                continue
            log(predictions_of(scores, model, label_set, batch))
        parts.write(FILES, batch, part, files_of(scores), missing=True)  # whoever wrote the scores may do it just now
        finished += 1
    return finished


class Keeper:
    """Collects rows and writes a part whenever enough are together, and the rest at its end, however that comes.

    Its parts have names that no other run has. At its end a content that another run has scored meanwhile is in one part only.

    Args:
        ledger: what was scored before; a row whose content is in it is kept without scores.
        log: takes predictions, those that it has already too; none is kept where it is None.
        begin: called before the first part is written.

    Attributes:
        begun: whether one was.
    """

    def __init__(
        self,
        parts: Parts,
        batch: str,
        model: Model,
        label_set: LabelSet,
        ledger: Ledger,
        log: Log | None,
        begin: Callable[[], None] = lambda: None,
    ) -> None:
        self._parts, self._batch, self._model, self._label_set, self._ledger, self._log = parts, batch, model, label_set, ledger, log
        numbers = [int(part.split("-")[0]) for kind in (SCORES, FILES) for found, part in parts.names(kind) if found == batch]
        self._next, self._run = max(numbers, default=-1) + 1, uuid.uuid4().hex[:8]
        self._rows: list[Row] = []
        self._since = time.monotonic()
        self._failed = False
        self._begin, self.begun = begin, False
        self.scored = self.same = self.bad = self.newly_bad = 0
        self.first_bad: list[BadClip] = []

    def __enter__(self) -> "Keeper":
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self.flush()
        finally:
            if not self._failed:
                settle(self._parts.seen(FILES), self._ledger)

    @property
    def _part(self) -> str:
        """The name of the part that is collected."""
        return f"{self._next:06d}-{self._run}"

    def take(self, row: Row) -> None:
        """Take one row; one that says of a file what a part has said already is counted, and not kept again."""
        if row.scores is not None and row.content is not None and not self._ledger.claim(row.content, f"{self._batch}/{self._part}"):
            row = replace(row, inputs={}, scores=None, decisions=None, embedding=None)
        if row.error is not None:
            self.bad += 1
            self.first_bad += [BadClip(row.file.path, row.error)] if self.bad <= BAD_SHOWN else []
            if self._ledger.lists(row.file, row.error):
                return
            self.newly_bad += 1
        if not self._rows:
            self._since = time.monotonic()
        self._rows.append(row)
        self.scored += row.scores is not None
        self.same += row.scores is None and row.error is None
        if len(self._rows) >= PART_ROWS or time.monotonic() - self._since >= PART_S:
            self.flush()

    def flush(self) -> None:
        """Write what was collected; what could not be written once is not tried again on the way out.

        Raises:
            DataError: if another run has taken this one's place, or the disk is full.
            S3Error: if S3 refuses.
        """
        if not self._rows or self._failed:
            return
        self._parts.check()
        self._failed = True
        if not self.begun:
            self._begin()
            self.begun = True
        part, scored = self._part, [row for row in self._rows if row.scores is not None]
        if scored:
            scores = scores_table(scored, self._model.key, self._label_set, to_log=self._log is not None)
            self._parts.write(SCORES, self._batch, part, scores)
            if self._log:
                self._log(predictions_of(scores, self._model, self._label_set, self._batch))
        self._parts.write(FILES, self._batch, part, files_table(self._rows))
        self._next += 1
        self._rows, self._failed = [], False


def predictions_of(scores: pa.Table, model: Model, label_set: LabelSet, batch: str) -> list[Prediction]:
    """A part's rows as the prediction log has them; an id follows from content and model, so that the log takes each once."""
    kept = scores.select(["at", "content", "path", "latency_ms", "model_key", "embedding", *INPUTS]).to_pylist()
    values = np.stack([scores.column(f"score_{code}").to_numpy() for code in label_set.codes], axis=1)
    decisions = np.stack([scores.column(f"decision_{code}").to_numpy(zero_copy_only=False) for code in label_set.codes], axis=1)
    return [
        Prediction(
            id=str(uuid.uuid5(_NAMESPACE, f"{model.digest}/{row['content']}")),
            at=row["at"],
            model=model.digest,
            model_key=row["model_key"],
            labels=label_set.codes,
            request_id=batch,
            caller=CALLER,
            latency_ms=row["latency_ms"],
            content=row["content"],
            source=row["path"],
            scores=values[place],
            decisions=decisions[place],
            embedding=None if row["embedding"] is None else np.array(row["embedding"], np.float32),
            **{name: row[name] for name in INPUTS},
        )
        for place, row in enumerate(kept)
    ]
