"""From sources to scores: decoded in threads ahead of need, scored in groups, given back in order while later ones are at work."""

import asyncio
import gc
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import replace
from typing import Any

from bentos import metrics
from bentos.budget import Budget
from bentos.catalogue import Offer
from bentos.scoring import Batches
from components.audio import Clip16, Limits, Source, load
from components.errors import TimbreError
from components.memory import give_back
from components.tagger import ClipScores

GROUP = 8  # clips of one request that are sent off together
GROUP_BYTES = 3 * 2**20  # of their samples, past which a group takes no more
FLIGHTS = 2  # groups of one request at a time, so that there is always one at hand
GATHER_S = 0.05  # that a group waits for more of its request: full ones cost less
HELD_BYTES = 8 * 2**20  # of decoded samples not yet scored, for all requests together; a clip per hand may go past it
TIDY_S = 1.0  # after the last clip, until free memory is given back
Opener = Callable[[], AbstractContextManager[Source]]
Reader = Callable[[Source, int, Limits], Clip16]
Heard = ClipScores | TimbreError


def plainly(_place: int) -> Reader:
    """Nobody wants to know more of a source than how it sounds."""
    return load


class Work:
    """The hands of one process.

    Args:
        batches: score the clips.
        limits: of one clip.
        threads: that decode.
        clips: decoded and not yet scored at a time, for all requests together, so that memory is bounded.
    """

    def __init__(self, batches: Batches, limits: Limits, threads: int, clips: int = 48) -> None:
        self._batches, self._limits = batches, limits
        self.ahead = 2 * threads + FLIGHTS * GROUP
        self.places = asyncio.Semaphore(clips)
        self.hands = asyncio.Semaphore(threads + 1)
        self.room = asyncio.Event()
        self.room.set()
        self._bytes = 0
        self._tidying: asyncio.TimerHandle | None = None
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="timbre-decode")

    def close(self) -> None:
        if self._tidying is not None:
            self._tidying.cancel()
        self._pool.shutdown(cancel_futures=True)
        self._batches.close()

    def hold(self, size: int) -> None:
        """Count bytes of samples that are now in memory, or with a minus sign no longer."""
        self._bytes += size
        (self.room.set if self._bytes < HELD_BYTES else self.room.clear)()
        if not self._bytes and self._tidying is None:
            self._tidying = asyncio.get_running_loop().call_later(TIDY_S, self._tidy)

    def _tidy(self) -> None:
        self._tidying = None
        self._pool.submit(_give_back)

    async def hear(
        self, offer: Offer, sources: AsyncIterable[Opener], budget: Budget, reader: Callable[[int], Reader] = plainly
    ) -> AsyncGenerator[Heard]:
        """Each source's scores or its error, in order; sources may still be arriving.

        Args:
            reader: gives what reads the source at a place, when its turn comes.
        Raises:
            Refused: if the budget is spent.
            TaggerError: if the tagger cannot be opened.
        """
        line = _Line(self, offer, budget, reader)
        try:
            async for heard in line.run(sources):
                yield heard
        finally:
            line.stop()

    @asynccontextmanager
    async def hear_one(
        self, offer: Offer, opener: Opener, budget: Budget, read: Reader = load
    ) -> AsyncGenerator[tuple[Clip16, ClipScores]]:
        """One source as the model heard it, and its scores; its memory is counted until the block ends.

        Raises:
            TimbreError: if it cannot be read, or the tagger cannot be opened.
            Refused: if the budget is spent.
        """
        size = 0

        def count(done: "asyncio.Future[Clip16 | TimbreError]") -> None:
            nonlocal size
            if not done.cancelled() and not done.exception():
                size = _size(done.result())
                self.hold(size)

        decoding = await self.begin(offer, opener, budget, read)
        decoding.add_done_callback(count)
        try:
            clip = await decoding
            _note(offer, clip)
            if isinstance(clip, TimbreError):
                raise clip
            (heard,) = await self.score(offer, [clip])
            if isinstance(heard, TimbreError):
                raise heard
            yield clip, heard
        finally:
            budget.stop()
            self.hold(-size)
            self.places.release()

    async def begin(self, offer: Offer, opener: Opener, budget: Budget, read: Reader = load) -> "asyncio.Future[Clip16 | TimbreError]":
        """Start to decode as soon as there are a place, a hand and room; the place is the caller's to release."""
        await self.places.acquire()
        try:
            await self.hands.acquire()
        except BaseException:
            self.places.release()
            raise
        try:
            await self.room.wait()  # with the hand: whoever looked before would not look again
        except BaseException:
            self.hands.release()
            self.places.release()
            raise
        decoding = self.decode(offer, opener, budget, read)
        decoding.add_done_callback(lambda _: self.hands.release())
        return decoding

    def decode(self, offer: Offer, opener: Opener, budget: Budget, read: Reader = load) -> "asyncio.Future[Clip16 | TimbreError]":
        """Start to decode in a thread, at the budget's cost."""
        limits = replace(self._limits, spend=budget.spend)

        def run() -> Clip16 | TimbreError:
            try:
                with opener() as source:
                    return read(source, offer.settings.sample_rate, limits)
            except TimbreError as error:
                return error

        return asyncio.get_running_loop().run_in_executor(self._pool, run)

    async def score(self, offer: Offer, group: Sequence[Clip16 | TimbreError]) -> list[Heard]:
        """The scores of a group; what failed keeps its place."""
        clips = [one for one in group if isinstance(one, Clip16)]
        scores = iter(await self._batches.score(offer.digest, clips) if clips else ())
        return [next(scores) if isinstance(one, Clip16) else one for one in group]


def _give_back() -> None:
    gc.collect()  # the errors of a request that was refused hold what was decoded in cycles
    give_back()


def _note(offer: Offer, clip: Clip16 | TimbreError) -> None:
    metrics.CLIPS.labels(offer.key, "scored" if isinstance(clip, Clip16) else "unreadable").inc()
    if isinstance(clip, Clip16):
        metrics.AUDIO_SECONDS.labels(offer.key).inc(len(clip.samples) / offer.settings.sample_rate)


class _Line:
    """One request's clips: being decoded, gathered for the next call, and at the scorer."""

    def __init__(self, work: Work, offer: Offer, budget: Budget, reader: Callable[[int], Reader]) -> None:
        self._work, self._offer, self._budget, self._reader = work, offer, budget, reader
        self._fed = 0
        self._mine = asyncio.Semaphore(work.ahead)
        self._held = 0
        self._decoding: deque[asyncio.Future[Clip16 | TimbreError]] = deque()
        self._arrival: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._group: list[Clip16 | TimbreError] = []
        self._bytes = 0
        self._due = 0.0
        self._stopped = False
        self._flights: deque[asyncio.Task[tuple[list[Heard], int]]] = deque()
        self._feeder: asyncio.Future[None] = self._arrival

    async def _feed(self, sources: AsyncIterable[Opener]) -> None:
        """Start to decode each source as it comes, while there is room."""
        async for opener in sources:
            await self._mine.acquire()
            decoding = await self._work.begin(self._offer, opener, self._budget, self._reader(self._fed))
            self._fed += 1
            self._held += 1
            decoding.add_done_callback(self._decoded)
            self._decoding.append(decoding)
            if not self._arrival.done():
                self._arrival.set_result(None)

    async def run(self, sources: AsyncIterable[Opener]) -> AsyncIterator[Heard]:
        """The outcomes in order. What is ready is sent off as soon as the scorer has a hand free, so that none waits long for company."""
        self._feeder = asyncio.create_task(self._feed(sources))
        while self._decoding or self._group or self._flights or not self._feeder.done():
            if self._decoding and self._decoding[0].done() and self._has_room():
                self._take(self._decoding.popleft().result())
            elif self._group and len(self._flights) < FLIGHTS and self._is_due():
                self._flights.append(asyncio.create_task(self._score(self._group)))
                self._group = []
            else:
                await self._something()
                if self._flights and self._flights[0].done():
                    heard, size = self._flights.popleft().result()
                    self._leave(len(heard), size)
                    for one in heard:
                        yield one
        self._feeder.result()

    def stop(self) -> None:
        """Give up whatever is under way, and hold on to none of it: an error's traceback may keep this line for a while."""
        under_way: list[asyncio.Future[Any]] = [self._feeder, *self._decoding, *self._flights]
        for one in under_way:
            one.cancel()
            one.add_done_callback(_look)
        self._stopped = True
        self._budget.stop()
        self._feeder, self._group = self._arrival, []
        self._decoding.clear()
        self._flights.clear()
        self._leave(self._held, self._bytes)

    async def _something(self) -> None:
        """Wait until there is something to do."""
        if self._arrival.done():
            self._arrival = asyncio.get_running_loop().create_future()
        waited: set[asyncio.Future[Any]] = {self._flights[0]} if self._flights else set()
        if self._has_room():
            waited.add(self._decoding[0] if self._decoding else self._arrival)
        if not self._feeder.done():
            waited.add(self._feeder)
        waits = self._group and len(self._flights) < FLIGHTS
        patience_s = max(0.0, self._due - asyncio.get_running_loop().time()) if waits else None
        await asyncio.wait(waited, timeout=patience_s, return_when=asyncio.FIRST_COMPLETED)
        if self._feeder.done():
            self._feeder.result()

    def _take(self, clip: Clip16 | TimbreError) -> None:
        _note(self._offer, clip)
        if not self._group:
            self._due = asyncio.get_running_loop().time() + GATHER_S
        self._group.append(clip)

    def _is_due(self) -> bool:
        more = self._decoding or not self._feeder.done()
        return not more or not self._has_room() or asyncio.get_running_loop().time() >= self._due

    def _has_room(self) -> bool:
        return len(self._group) < GROUP and sum(map(_size, self._group)) < GROUP_BYTES

    async def _score(self, group: list[Clip16 | TimbreError]) -> tuple[list[Heard], int]:
        """What was heard, and the bytes that it was heard in."""
        return await self._work.score(self._offer, group), sum(map(_size, group))

    def _decoded(self, decoding: "asyncio.Future[Clip16 | TimbreError]") -> None:
        if not self._stopped and not decoding.cancelled() and not decoding.exception():
            self._bytes += _size(decoding.result())
            self._work.hold(_size(decoding.result()))

    def _leave(self, count: int, size: int) -> None:
        self._held -= count
        self._bytes -= size
        self._work.hold(-size)
        for _ in range(count):
            self._mine.release()
            self._work.places.release()


def _size(clip: Clip16 | TimbreError) -> int:
    return clip.samples.nbytes if isinstance(clip, Clip16) else 0


def _look(task: "asyncio.Future[Any]") -> None:
    """Take note of an error that no longer matters; asyncio logs those that nobody saw."""
    if not task.cancelled():
        task.exception()


async def at_once(openers: Iterable[Opener]) -> AsyncIterator[Opener]:
    """Sources that are all there."""
    for opener in openers:
        yield opener
