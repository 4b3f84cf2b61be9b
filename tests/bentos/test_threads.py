"""Threads of requests that were cancelled."""

import asyncio
import threading
from collections.abc import Callable

import anyio.to_thread
import pytest

from bentos.threads import in_thread

MOST = 3


async def left_by_all(visits: int, work: Callable[[], None], begun: list[None], stop: threading.Event) -> int:
    """How many threads there are more once so many visits were begun and left, and as many came after them."""
    anyio.to_thread.current_default_thread_limiter().total_tokens = MOST
    before = threading.active_count()
    tasks = [asyncio.create_task(in_thread(work)) for _ in range(visits)]
    async with asyncio.timeout(30):
        while len(begun) < MOST:
            await asyncio.sleep(0.01)
    for task in tasks:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(one, asyncio.CancelledError) for one in done)
    again = [asyncio.create_task(in_thread(work)) for _ in range(visits)]
    await asyncio.sleep(0.1)
    count = threading.active_count() - before
    stop.set()
    await asyncio.gather(*again)
    return count


def test_those_who_leave_have_no_more_threads_than_those_who_stay() -> None:
    stop, begun = threading.Event(), list[None]()

    def work() -> None:
        begun.append(None)
        stop.wait(30)

    assert asyncio.run(left_by_all(20, work, begun, stop)) == MOST
    assert len(begun) == MOST + 20  # of those who left in line none was begun


def test_what_comes_of_it_is_the_works() -> None:
    def divide(dividend: int, *, divisor: int) -> float:
        return dividend / divisor

    assert asyncio.run(in_thread(divide, 6, divisor=3)) == 2
    with pytest.raises(ZeroDivisionError):
        asyncio.run(in_thread(divide, 6, divisor=0))


def test_an_error_that_nobody_waits_for_is_nobodys(caplog: pytest.LogCaptureFixture) -> None:
    go = threading.Event()

    def fail() -> None:
        go.wait(30)
        raise ValueError

    async def leave() -> None:
        task = asyncio.create_task(in_thread(fail))
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        go.set()
        await asyncio.sleep(0.1)

    asyncio.run(leave())
    assert not caplog.records
