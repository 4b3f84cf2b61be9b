"""Reads files ahead in threads, so that decoding and scoring overlap (libsndfile and soxr let other threads run)."""

from collections import deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypedDict

from components.audio import Clip16, Limits, Source, load
from components.audio.source import name_of
from components.cores import cores
from components.errors import TimbreError


class Reading(TypedDict, total=False):
    """How files are read: windows a batch, the limits of a file, and the threads that decode (one a core, eight at most)."""

    batch_size: int
    limits: Limits
    workers: int | None


def read_ahead(
    sources: Iterable[Source], sample_rate: int, limits: Limits, workers: int | None = None
) -> Iterator[tuple[str, Clip16 | TimbreError]]:
    """Each source's name with its clip, or with the error that it gave, in order.

    At most two clips a worker are made in advance, so that memory does not grow with their number.
    """

    def decode(source: Source) -> tuple[str, Clip16 | TimbreError]:
        try:
            return name_of(source), load(source, sample_rate, limits)
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
