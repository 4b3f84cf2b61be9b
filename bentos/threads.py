"""The threads in which requests wait for databases and files: as many as anyio allows, whoever leaves meanwhile."""

import asyncio
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from starlette.concurrency import run_in_threadpool

P = ParamSpec("P")
T = TypeVar("T")


async def in_thread(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """What the work comes to, done in a thread.

    Whoever is cancelled leaves at once. A thread that is at it keeps its place until it is done, or clients that leave while a database
    is slow would have any number of threads; work that has not begun is not done.
    """
    begun = False

    def begin() -> T:
        nonlocal begun
        begun = True
        return work(*args, **kwargs)

    done = asyncio.ensure_future(run_in_threadpool(begin))
    done.add_done_callback(lambda one: one.cancelled() or one.exception())  # where nobody waits any more
    try:
        return await asyncio.shield(done)
    except asyncio.CancelledError:
        if not begun:
            done.cancel()
        raise
