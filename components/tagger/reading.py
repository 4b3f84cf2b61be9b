"""Reads files ahead in threads, so that decoding and scoring overlap (libsndfile and soxr let other threads run)."""

from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypedDict

from components.audio import Clip16, Limits, Source, load
from components.audio.source import name_of
from components.cores import cores
from components.errors import TimbreError

Read = Callable[[Source, int, Limits], Clip16]


class Reading(TypedDict, total=False):
    """How files are read: windows a batch, the limits of a file, the threads that decode (one a core, eight at most), and in place of
    `load` another reader, which gives the same clip and learns something besides."""

    batch_size: int
    limits: Limits
    workers: int | None
    read: Read


def read_ahead(
    sources: Iterable[Source], sample_rate: int, limits: Limits, workers: int | None = None, read: Read = load
) -> Generator[tuple[str, Clip16 | TimbreError], None, None]:
    """Each source's name with its clip, or with the error that it gave, in order.

    At most two clips a worker are made in advance, so that memory does not grow with their number.
    """

    def decode(source: Source) -> tuple[str, Clip16 | TimbreError]:
        try:
            return name_of(source), read(source, sample_rate, limits)
        except TimbreError as error:
            return name_of(source), error

    workers = workers or min(8, cores())
    pool = ThreadPoolExecutor(workers, thread_name_prefix="timbre-decode")
    pending = deque[Future[tuple[str, Clip16 | TimbreError]]]()
    try:
        for source in sources:
            pending.append(pool.submit(decode, source))
            if len(pending) > 2 * workers:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        pool.shutdown(cancel_futures=True)
