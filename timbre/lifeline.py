"""A training that a worker started lives no longer than the worker's word: nobody may train what another worker takes up.

The worker writes lines into the standard input of the training, each the moment (of the machine's monotonic clock) until which the job is
its own. The training ends at that moment, and at once where the worker is gone.
"""

import os
import select
import signal
import threading
import time

from components.parent import end_with_parent

FIRST_S = 300.0  # the first word comes at once; this is for a worker that is stopped before it


def hold_on() -> None:
    """Tie this process to the worker that started it."""
    end_with_parent(signal.SIGKILL)  # elsewhere than on Linux the end of the input does it
    words = os.dup(0)
    with open(os.devnull, "rb") as nothing:  # noqa: PTH123 - nobody else in here shall read what is for us
        os.dup2(nothing.fileno(), 0)
    threading.Thread(target=_listen, args=(words,), daemon=True, name="lifeline").start()


def line(until: float) -> bytes:
    """The word that lets a training live until a moment of `time.monotonic()`, which all processes of a machine share."""
    return f"{until:.3f}\n".encode()


def _listen(words: int) -> None:
    until, unread = time.monotonic() + FIRST_S, b""
    while (left := until - time.monotonic()) > 0:
        if not select.select([words], [], [], left)[0]:
            continue
        if not (read := os.read(words, 4096)):
            break
        *whole, unread = (unread + read).split(b"\n")
        if whole:
            until = float(whole[-1])
    if os.getpgid(0) == os.getpid():
        os.killpg(0, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)
