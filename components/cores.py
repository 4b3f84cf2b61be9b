"""How much of the machine is ours."""

import os


def cores() -> int:
    """The processor cores that this process may use: fewer than there are where it is pinned or confined."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
