"""Ctrl+C and SIGTERM reach a step between two transactions of ZenML's store, never within one."""

import os
import threading
from types import FrameType
from typing import Any

from zenml.orchestrators import signal_handler

STORE = ("zenml.zen_stores", "sqlalchemy")
AGAIN_S = 0.1


def wait_for_the_store() -> None:
    """Have ZenML's handler wait until its store is left.

    It asks the store itself and then raises. Within a transaction that waits for its own lock for minutes, and ends in a traceback.
    """
    handler: Any = signal_handler.SignalHandler
    if getattr(handler, "waits_for_the_store", False):
        return
    at_once = handler._handle

    def handle(self: Any, signum: int, frame: FrameType | None) -> None:
        if _is_in_store(frame):
            threading.Timer(AGAIN_S, os.kill, (os.getpid(), signum)).start()
        else:
            at_once(self, signum, frame)

    handler._handle, handler.waits_for_the_store = handle, True


def _is_in_store(frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(STORE):
            return True
        frame = frame.f_back
    return False
