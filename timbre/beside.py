"""What runs beside another process ends with it, however that one goes; a worker beside the service is replaced for as long."""

import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

log = logging.getLogger(__name__)
LOOK_S = 1.0
FIRST_S, LONGEST_S = 1.0, 60.0  # from a worker's end to the next one's start


@contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """SIGTERM and Ctrl+C set `stop`."""

    def told(signum: int, frame: FrameType | None) -> None:
        stop.set()

    former = {number: signal.signal(number, told) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def stop_with_parent(stop: threading.Event, parent: int) -> None:
    """Set `stop` when the process that started this one (its id) has gone; a look a second needs no word of it."""

    def watch() -> None:
        while os.getppid() == parent and not stop.wait(LOOK_S):
            pass
        stop.set()

    threading.Thread(target=watch, daemon=True, name="parent").start()


def keep_worker(stop: threading.Event) -> None:
    """Run a worker until `stop` is set, and another one after each that ends before.

    Each wait between two is twice the last, up to LONGEST_S, so that a worker that cannot start takes no time from the service; one that
    has lived so long could start, and the next comes at once again.
    """
    delay_s = FIRST_S
    while not stop.is_set():
        began = time.monotonic()
        how = _work(stop)
        if stop.is_set():
            return
        if time.monotonic() - began >= LONGEST_S:
            delay_s = FIRST_S
        log.warning("the worker %s; another one starts in %g s", how, delay_s)
        stop.wait(delay_s)
        delay_s = min(2 * delay_s, LONGEST_S)


def _work(stop: threading.Event) -> str:
    """Run one worker until it ends or `stop` is set; how it ended."""
    try:
        worker = subprocess.Popen([sys.executable, "-m", "timbre", "worker", "--with-parent", str(os.getpid())])
    except OSError as error:  # the machine has no memory or no process left, for now
        return f"cannot be started ({error.strerror})"
    while worker.poll() is None and not stop.wait(LOOK_S):
        pass
    if stop.is_set():
        worker.terminate()
    code = worker.wait()
    return f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
