"""Processes of one machine take turns at a folder; the system ends a turn with its process, however that ends."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from pathlib import Path


class Turn(Enum):
    """What came of asking for one."""

    OURS = "ours"
    TAKEN = "taken"  # by another process, or another descriptor of this one
    UNKNOWN = "unknown"  # the file system has no locks, and keeps no processes apart


@contextmanager
def locked(path: Path, *, wait: bool = True) -> Iterator[Turn]:
    """A turn at what a lock file, which is made where it is missing, or a folder stands for.

    Args:
        wait: until whoever has it is done; else it is TAKEN, and the caller says what becomes of that.
    Raises:
        OSError: if there can be no such file.
    """
    flags = os.O_RDONLY if path.is_dir() else os.O_RDWR | os.O_CREAT
    descriptor = os.open(path, flags, 0o666)
    try:
        yield take(descriptor, wait=wait)
    finally:
        os.close(descriptor)


def take(descriptor: int, *, shared: bool = False, wait: bool = True) -> Turn:
    """Lock an open file, or change how it is locked; others may share what is shared."""
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return Turn.TAKEN
    except OSError:
        return Turn.UNKNOWN
    return Turn.OURS
