"""Where the handler of a signal may raise: not where Python prints what was raised and goes on."""

import os
import threading
from types import FrameType

CALLBACKS = ("weakref", "_weakrefset")  # modules whose functions Python calls when an object ends
AGAIN_S = 0.1


class Stopped(SystemExit):
    """A signal on its way out of the work that it ends; no Exception, which whoever tries something would take for its failure."""

    def __init__(self, signum: int) -> None:
        super().__init__(128 + signum)


def is_lost(frame: FrameType | None) -> bool:
    """Whether what is raised here gets lost: within a destructor or a weak reference's callback."""
    while frame is not None:
        if frame.f_globals.get("__name__") in CALLBACKS or frame.f_code.co_name == "__del__":
            return True
        frame = frame.f_back
    return False


def send_later(signum: int) -> None:
    """Send this process the signal again in a moment."""
    threading.Timer(AGAIN_S, os.kill, (os.getpid(), signum)).start()
