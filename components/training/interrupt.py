"""Ctrl+C during a training: once ends it normally with the best so far, twice stops it at once."""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)
NOTE = "interrupted.txt"  # in the run folder of a training that was cut short: a sentence about it


class StopNowError(BaseException):
    """The second Ctrl+C on its way out; no KeyboardInterrupt, which Lightning would turn into a SystemExit."""


class Interrupt:
    """Whether someone asked the training to end."""

    def __init__(self) -> None:
        self.asked = False

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked:
            raise StopNowError
        self.asked = True
        log.warning("interrupted: finishing this batch and keeping the best so far; press Ctrl+C again to stop now")


@contextmanager
def listening() -> Iterator[Interrupt]:
    """Take over Ctrl+C (SIGINT) and give it back to its former handler at the end.

    Python takes signals in the main thread only: elsewhere nothing is taken over.

    Raises:
        KeyboardInterrupt: at the second Ctrl+C.
    """
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    except StopNowError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, former)
