"""How long work shows that it goes on: a bar on a terminal, a plain line now and then elsewhere, nothing by default."""

import logging
import sys
import time
from collections.abc import Iterable, Iterator
from typing import Protocol, TypeVar

Item = TypeVar("Item")
PLAIN_EVERY_S = 10.0

log = logging.getLogger(__name__)


class Progress(Protocol):
    """Passes items through and says how far they have come."""

    def __call__(self, items: Iterable[Item], what: str, total: int) -> Iterator[Item]: ...


def quiet(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Say nothing."""
    yield from items


def bars(items: Iterable[Item], what: str, total: int) -> Iterator[Item]:
    """Draw a bar on standard error, or log a line every ten seconds where that is no terminal."""
    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import track

        yield from track(items, description=what, total=total, console=Console(stderr=True))
        return
    said = time.monotonic()
    for count, item in enumerate(items, start=1):
        yield item
        if time.monotonic() - said >= PLAIN_EVERY_S and count < total:
            said = time.monotonic()
            log.info("%s: %d of %d", what, count, total)
    log.info("%s: done, %d", what, total)
