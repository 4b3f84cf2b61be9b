"""Predictions on their way into the log: a bounded queue and one thread that writes batches, so that no prediction waits for a database."""

import logging
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence

from components.errors import RegistryError
from components.registry.prediction import Prediction

log = logging.getLogger("timbre.service")
MOST_ROWS = 10_000  # that wait, some 2 KB each
BATCH_ROWS, EVERY_S = 500, 1.0
FIRST_DELAY_S, LAST_DELAY_S = 0.5, 30.0
CLOSE_S = 10.0
Write = Callable[[Sequence[Prediction]], None]
Count = Callable[[str, int, int], None]


class PredictionLog:
    """The queue and its thread. Time is told by the monotonic clock, which never goes back.

    Args:
        write: writes a batch, all or none of it; a batch may come again. A RegistryError means that the database is away.
        count: told how many rows were `written`, `dropped` (the queue was full, or there was no time left) or `failed` (no row to write),
            and how many wait still.
        most_rows: that wait.
        batch_rows, every_s: rows that are written at a time, and the longest that a row waits for others.
    """

    def __init__(
        self,
        write: Write,
        count: Count = lambda _outcome, _rows, _waiting: None,
        *,
        most_rows: int = MOST_ROWS,
        batch_rows: int = BATCH_ROWS,
        every_s: float = EVERY_S,
        first_delay_s: float = FIRST_DELAY_S,
    ) -> None:
        self._write, self._count = write, count
        self._most, self._batch, self._every_s, self._first_delay_s = most_rows, batch_rows, every_s, first_delay_s
        self._waiting: deque[Prediction] = deque()
        self._changed = threading.Condition()
        self._closing_at: float | None = None
        self._full = False
        self._thread = threading.Thread(target=self._run, name="timbre-prediction-log", daemon=True)
        self._thread.start()

    @property
    def waiting(self) -> int:
        """Rows that are not written yet."""
        return len(self._waiting)

    def add(self, prediction: Prediction) -> bool:
        """Take a row without waiting for anything; False where it is dropped."""
        with self._changed:
            taken = len(self._waiting) < self._most and self._closing_at is None
            if taken:
                self._waiting.append(prediction)
                if len(self._waiting) in (1, self._batch):
                    self._changed.notify()
        if not taken:
            self._drop(1)
        return taken

    def close(self, within_s: float = CLOSE_S) -> None:
        """Write what waits, for at most this long; what is left then is dropped and counted."""
        with self._changed:
            if self._closing_at is None:
                self._closing_at = time.monotonic() + within_s
            self._changed.notify_all()
        self._thread.join(within_s + 1)
        with self._changed:
            left = len(self._waiting)
            self._waiting.clear()
        if left:
            self._drop(left)

    def _run(self) -> None:
        delay_s = self._first_delay_s
        while batch := self._next():
            if self._try(batch):
                delay_s = self._first_delay_s
            elif not self._rest(delay_s):
                return
            else:
                delay_s = min(2 * delay_s, LAST_DELAY_S)

    def _next(self) -> list[Prediction]:
        """The rows of the next batch, which stay in the queue until they are written; none at the end."""
        with self._changed:
            while not self._waiting and self._closing_at is None:
                self._changed.wait()
            last = time.monotonic() + self._every_s
            while len(self._waiting) < self._batch and self._closing_at is None and (left_s := last - time.monotonic()) > 0:
                self._changed.wait(left_s)
            return [self._waiting[place] for place in range(min(self._batch, len(self._waiting)))]

    def _try(self, batch: Sequence[Prediction]) -> bool:
        """Write the rows; False where the database is away. A row that cannot be written is not tried again, and keeps no other back."""
        try:
            self._write(batch)
        except RegistryError as error:
            log.warning("%d predictions wait to be logged: %s", self.waiting, error)
            return False
        except Exception:
            if len(batch) > 1:
                middle = len(batch) // 2
                return self._try(batch[:middle]) and self._try(batch[middle:])
            log.exception("prediction %s cannot be logged", batch[0].id)
            self._done("failed", 1)
            return True
        self._done("written", len(batch))
        return True

    def _done(self, outcome: str, rows: int) -> None:
        """Take rows out of the front of the queue; at the end it may be empty already."""
        with self._changed:
            for _ in range(min(rows, len(self._waiting))):
                self._waiting.popleft()
            self._full = False
        self._count(outcome, rows, self.waiting)

    def _rest(self, delay_s: float) -> bool:
        """Wait before the next try; False where there is no time for one."""
        last = time.monotonic() + delay_s
        with self._changed:
            while (now := time.monotonic()) < last:
                if self._closing_at is not None:
                    last = min(last, now + self._first_delay_s)
                    if last >= self._closing_at:
                        return False
                self._changed.wait(last - now)
        return True

    def _drop(self, rows: int) -> None:
        self._count("dropped", rows, self.waiting)
        if not self._full:
            log.warning("predictions are dropped from the log: the database does not take them as fast as they come")
        self._full = True
