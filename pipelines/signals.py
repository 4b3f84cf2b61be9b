"""Ctrl+C and SIGTERM reach a step where it can be stopped: between two transactions of ZenML's store, and where Python passes it on."""

import signal
import threading
from types import FrameType
from typing import Any

from zenml.exceptions import RunInterruptedException
from zenml.orchestrators import signal_handler

from components.signals import Stopped, is_lost, send_later

STORE = ("zenml.zen_stores", "sqlalchemy")
DATABASE = ("zenml.zen_stores.sql_zen_store",)


def wait_to_stop() -> None:
    """Have ZenML's handler wait until its store, a destructor or a weak reference's callback is left, and then raise Stopped.

    It asks the store itself and then raises. Within a transaction that waits for its own lock for minutes, and ends in a traceback;
    within a destructor or such a callback it is lost, and so is the Exception that it raises wherever a part that fails is done without.
    Between two steps it is Python's own handler that waits so, for ZenML's database on this machine.
    """
    if threading.current_thread() is threading.main_thread() and signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, _press)
    handler: Any = signal_handler.SignalHandler
    if getattr(handler, "waits_to_stop", False):
        return
    at_once = handler._handle

    def handle(self: Any, signum: int, frame: FrameType | None) -> None:
        if cannot_stop(frame):
            send_later(signum)
            return
        try:
            at_once(self, signum, frame)
        except RunInterruptedException:
            raise Stopped(signum) from None

    handler._handle, handler.waits_to_stop = handle, True


def cannot_stop(frame: FrameType | None) -> bool:
    return is_lost(frame) or _within(STORE, frame)


def _press(signum: int, frame: FrameType | None) -> None:
    """Ctrl+C between two steps; a server of ZenML that does not answer can be left at any time."""
    if is_lost(frame) or _within(DATABASE, frame):
        send_later(signum)
    else:
        signal.default_int_handler(signum, frame)


def _within(modules: tuple[str, ...], frame: FrameType | None) -> bool:
    while frame is not None:
        if str(frame.f_globals.get("__name__", "")).startswith(modules):
            return True
        frame = frame.f_back
    return False
