"""Ctrl+C during a training: once ends it normally with the best so far, twice stops it at once.

Where several trainings are one work, `listening` around them all says what the first press means: that the training in progress ends, or
that it is still done whole.
"""

import logging
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from components.signals import is_lost, send_later

log = logging.getLogger(__name__)
NOTE = "interrupted.txt"  # in the run folder of a training that was cut short: a sentence about it


class StopNowError(BaseException):
    """The second Ctrl+C on its way out; no KeyboardInterrupt, which Lightning would turn into a SystemExit."""


class Interrupt:
    """Whether someone asked the training to end.

    Attributes:
        sealing: whether it has ended by then.

    Args:
        whole: a training in progress is not told of it.
    """

    def __init__(self, whole: bool = False) -> None:
        self.asked, self.sealing, self._whole = False, False, whole

    @property
    def inside(self) -> "Interrupt":
        """What a training in progress is told."""
        return Interrupt() if self._whole else self

    def __call__(self, signum: int, frame: FrameType | None) -> None:
        """The signal handler."""
        if self.asked and is_lost(frame):
            send_later(signum)
            return
        if self.asked:
            raise StopNowError
        self.asked = True
        doing = "finishing this training" if self._whole else "finishing this batch and keeping the best so far"
        doing = "the training has ended, and its tagger is finished" if self.sealing else doing
        log.warning("interrupted: %s; press Ctrl+C again to stop now", doing)


@contextmanager
def listening(whole: bool = False) -> Iterator[Interrupt]:
    """Take over Ctrl+C (SIGINT) and give it back to its former handler at the end.

    Inside another `listening` that one keeps it, and gives what it tells those inside. Python takes signals in the main thread only:
    elsewhere nothing is taken over.

    Args:
        whole: the first Ctrl+C leaves the trainings inside alone.
    Raises:
        KeyboardInterrupt: at the second Ctrl+C.
    """
    outer, interrupt = signal.getsignal(signal.SIGINT), Interrupt(whole)
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return
    if isinstance(outer, Interrupt):
        yield outer.inside
        return
    former = signal.signal(signal.SIGINT, interrupt)
    try:
        yield interrupt
    except StopNowError:
        raise KeyboardInterrupt from None
    finally:
        signal.signal(signal.SIGINT, former)
