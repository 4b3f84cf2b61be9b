"""What the database last said stands in for it while it is away, so that predictions go on."""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from components.registry import DatabaseAway

log = logging.getLogger("timbre.service")
KEPT_S = 600.0  # after which nobody knows any more whether it still holds
PAUSE_S = 2.0  # in which a database that was away is not asked again
MOST = 1000
T = TypeVar("T")


@dataclass(frozen=True)
class _Kept(Generic[T]):
    value: T
    said_at: float


class LastSaid(Generic[T]):
    """Good answers by name, of which the last used are kept; for use from any thread.

    Args:
        fresh_s: for which an answer is given again without asking.
    """

    def __init__(self, fresh_s: float = 0.0) -> None:
        self._fresh_s = fresh_s
        self._kept: OrderedDict[str, _Kept[T]] = OrderedDict()
        self._lock = threading.Lock()
        self._away_until = self._changed_at = 0.0

    def ask(self, name: str, ask: Callable[[], T]) -> T:
        """What `ask` says now; what it last said under this name where the database is away.

        Raises:
            DatabaseAway: if it has said nothing within `KEPT_S`.
        """
        began = time.monotonic()
        if (self.is_away or self._is_fresh(name, began)) and (kept := self.last(name)) is not None:
            return kept
        try:
            value = ask()
        except DatabaseAway as error:
            self.note_away(error)
            if (kept := self.last(name)) is None:
                raise
            return kept
        except Exception:
            with self._lock:
                self._kept.pop(name, None)
            raise
        with self._lock:
            self._kept[name] = _Kept(value, began)
            self._kept.move_to_end(name)
            while len(self._kept) > MOST:
                self._kept.popitem(last=False)
        return value

    def last(self, name: str) -> T | None:
        """The last good answer, where it is not too old."""
        with self._lock:
            kept = self._kept.get(name)
        return kept.value if kept is not None and time.monotonic() - kept.said_at < KEPT_S else None

    def note_change(self) -> None:
        """What was said until now may not hold any more: ask again."""
        self._changed_at = time.monotonic()

    def _is_fresh(self, name: str, now: float) -> bool:
        with self._lock:
            kept = self._kept.get(name)
        return kept is not None and kept.said_at > max(now - self._fresh_s, self._changed_at)

    @property
    def is_away(self) -> bool:
        """Whether the database was away a moment ago."""
        return time.monotonic() < self._away_until

    def note_away(self, error: Exception) -> None:
        """Do not ask again for a moment."""
        log.warning("what it last said stands in for the database: %s", error)
        self._away_until = time.monotonic() + PAUSE_S
