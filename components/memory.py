"""What becomes of freed memory in a process that scores or trains: kept for the next batch while there is one, given back afterwards."""

import ctypes
import sys

MIB = 2**20
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
KEPT_BYTES = 64 * MIB  # what a batch of MOBILENET_V3_LARGE takes; more gained nothing
LARGEST_BYTES = 32 * MIB  # of one array; glibc takes no more


def keep_freed() -> None:
    """Have glibc keep what is freed, where it is the C library.

    Else it returns the arrays of each batch to the system, which then clears a page after the other again for the next one: a third of the
    time that MOBILENET_V3_LARGE takes for a clip, some hundredths of a step of its training, and a tenth of SMALL_CNN's.
    """
    if mallopt := _glibc("mallopt"):
        mallopt(M_MMAP_THRESHOLD, LARGEST_BYTES)
        mallopt(M_TRIM_THRESHOLD, KEPT_BYTES)


def give_back() -> None:
    """Return what was freed to the system, from the arenas of all threads."""
    if trim := _glibc("malloc_trim"):
        trim(0)


def _glibc(function: str) -> "ctypes._NamedFuncPointer | None":
    return getattr(ctypes.CDLL(None), function, None) if sys.platform == "linux" else None
