"""Audio on S3 that is asked for before it is wanted, so that no thread that decodes waits for the network."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from typing import TypeVar

from components.audio.source import Source, near
from components.s3 import AT_ONCE, is_remote

AHEAD_BYTES = 64 * 2**20  # of files that were asked for and that nobody has taken yet
Item = TypeVar("Item")
Arrived = Callable[[], AbstractContextManager[Source]]
_Fetched = tuple[Source, ExitStack]


class Fetchers:
    """Threads that fetch, until they are closed."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="fetch")
        self._left = set[Future[_Fetched]]()

    def close(self) -> None:
        """Fetch no more, and let go what nobody took."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        while self._left:
            future = self._left.pop()
            if not future.cancelled() and not future.exception():
                future.result()[1].close()

    def ask(self, path: str) -> Arrived:
        """Begin to fetch what lies at an `s3://` address. What is returned is called once and gives it, as `near` does, when it is here."""
        if not is_remote(path):
            return lambda: nullcontext(path)
        future = self._pool.submit(_fetch, path)
        self._left.add(future)

        @contextmanager
        def arrived() -> Iterator[Source]:
            self._left.discard(future)
            source, close = future.result()
            with close:
                yield source

        return arrived

    def ahead(
        self, items: Iterable[Item], path_of: Callable[[Item], str], size_of: Callable[[Item], int]
    ) -> Iterator[tuple[Item, Arrived]]:
        """Each item with what `ask` returns, while as many behind it as are fetched at a time, and as fit, are asked for."""
        coming, waiting_bytes = deque[tuple[Item, Arrived]](), 0
        for item in items:
            while coming and (len(coming) > AT_ONCE or waiting_bytes + size_of(item) > AHEAD_BYTES):
                waiting_bytes -= size_of(coming[0][0])
                yield coming.popleft()
            coming.append((item, self.ask(path_of(item))))
            waiting_bytes += size_of(item)
        yield from coming


def _fetch(path: str) -> _Fetched:
    close = ExitStack()
    return close.enter_context(near(path)), close
