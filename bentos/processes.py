"""The service's processes: they end together, and what one that was killed left behind goes at the next start."""

import contextlib
import ctypes
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil  # type: ignore[import-untyped]

PR_SET_PDEATHSIG = 1  # Linux: the kernel sends a signal when the parent dies
WORKER = "_bentoml_impl.worker.service"
LAST_S = 25.0  # BentoML kills what has not stopped after 30 s
OWN = re.compile(r"timbre-(?:metrics|s3)-(\d+)-.+")


def end_with_parent() -> None:
    """Have this process stop when the one that started it is killed: it would keep the port, and nobody would stop it."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def stop_after_others(mine: str) -> None:
    """Have a SIGTERM, which all processes of the service get at once, stop this one after those that may still ask it for something.

    Args:
        mine: what the command lines of this kind of process hold.
    """
    parent, stop = os.getppid(), signal.getsignal(signal.SIGTERM)

    def wait(number: int) -> None:
        last = time.monotonic() + LAST_S
        while os.getppid() == parent and time.monotonic() < last and _others(mine):
            time.sleep(0.1)
        if callable(stop):
            stop(number, None)

    signal.signal(signal.SIGTERM, lambda number, _: threading.Thread(target=wait, args=[number], daemon=True).start())


def _others(mine: str) -> bool:
    """Whether the process that started this one has workers of another kind."""
    for process in psutil.Process(os.getppid()).children():
        with contextlib.suppress(psutil.Error):
            line = process.cmdline()
            if WORKER in line and mine not in line and process.status() != psutil.STATUS_ZOMBIE:
                return True
    return False


def give_back_memory() -> None:
    """Return what was freed to the system: glibc keeps the rooms of large arrays, which many threads scatter over its arenas."""
    if sys.platform == "linux" and (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)):
        trim(0)


def prefix(kind: str) -> str:
    """How a temporary folder of this process is named, so that `sweep` knows it."""
    return f"timbre-{kind}-{os.getpid()}-"


def sweep(folder: Path | None = None) -> None:
    """Remove temporary folders whose process is gone."""
    for path in (folder or Path(tempfile.gettempdir())).iterdir():
        if (named := OWN.fullmatch(path.name)) and not _lives(int(named[1])):
            shutil.rmtree(path, ignore_errors=True)


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
