"""How much of the machine is ours."""

import os

from threadpoolctl import threadpool_limits


def cores() -> int:
    """The processor cores that this process may use: fewer than there are where it is pinned or confined."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def multiply_alone() -> threadpool_limits:
    """Have each matrix product of NumPy and SciPy stay in the thread that asks for it; for a while only, where it is entered by `with`.

    Several clips are decoded at a time, so all cores have work; where each product spreads over all cores too, threads wait for each other.
    """
    return threadpool_limits(1, user_api="blas")
