"""Work spread over a Dask cluster: pieces go out, small results come back, and what a lost worker had in hand is done by another."""

import asyncio
import logging
import os
import queue
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from typing import Any, TypeVar

from components.errors import ClusterError

log = logging.getLogger(__name__)

Item = TypeVar("Item")
Result = TypeVar("Result")

ENDS_WORKERS = "ended the process of every worker that took it: see the workers' logs"
CONNECT_S = 5.0  # for the scheduler to answer
WORKERS_S = 30.0  # for a worker to be there
LOOK_S = 5.0  # between two looks at how many threads there are
RESULT_S, RESULT_TRIES = 60.0, 10  # for a small result to come here
AHEAD = 2  # pieces a thread that are under way: one at work, and one that waits beside it or is written
PIECES_LEFT = 2  # of what is left a thread, so that pieces become smaller towards the end
ENCRYPTED = ("tls://", "wss://")
CERTIFICATES = "ca-file, client.cert and client.key of distributed.comm.tls (DASK_DISTRIBUTED__COMM__TLS__CA_FILE and so on)"


class Cluster:
    """A Dask cluster that has answered, and has workers. Use `connected`."""

    def __init__(self, client: Any, address: str) -> None:
        self._client, self.address = client, address
        self._looked = 0.0
        self._threads = 0

    @property
    def threads(self) -> int:
        """How many threads its workers have now, or had some seconds ago."""
        if time.monotonic() - self._looked >= LOOK_S:
            try:
                self._threads = sum(self._client.nthreads().values())
            except OSError:
                raise self._gone() from None
            self._looked = time.monotonic()
        return self._threads

    def wait_for_workers(self) -> None:
        """See that there is one.

        Raises:
            ClusterError: if none comes within WORKERS_S.
        """
        until = time.monotonic() + WORKERS_S
        while not self.threads:
            if time.monotonic() > until:
                raise ClusterError(
                    f"the Dask cluster at {self.address} has no workers: start some with `dask worker {self.address}`; "
                    "what is finished is kept"
                )
            time.sleep(0.2)
            self._looked = 0.0

    def spread(self, work: Callable[[list[Item]], Result], pieces: Iterable[list[Item]]) -> Iterator[tuple[list[Item], Result | None]]:
        """Each piece with the result of its work, as they come; few are under way, so that memory does not grow with their number.

        A piece whose worker is lost is done by another, so work may be done twice and must bear it. A worker that ends takes down all
        that it had in hand, the guilty and the innocent. A piece that was lost with one worker after another is therefore tried again at
        the end, while nothing else is under way. If it still ends its workers, so are its items one by one, and the result of one that
        does is None.

        Args:
            work: a function of a module, or a `functools.partial` of one: the workers import it.
        Raises:
            ClusterError: if the scheduler or all workers are gone, or they lack the code.
        """
        waiting = iter(pieces)
        suspects: list[list[Item]] = []
        under_way: dict[Any, list[Item]] = {}
        done: queue.SimpleQueue[Any] = queue.SimpleQueue()

        def send(piece: list[Item]) -> None:
            future = self._client.submit(work, piece, pure=False)
            under_way[future] = piece
            future.add_done_callback(done.put)

        try:
            while True:
                for piece in islice(waiting, max(0, AHEAD * max(1, self.threads) - len(under_way))):
                    send(piece)
                if on_trial := not under_way:
                    if not suspects:
                        return
                    send(suspects.pop())
                future = self._next(done)
                piece = under_way.pop(future)
                outcome = self._result(future)
                if outcome is not None:
                    yield piece, outcome[0]
                elif not on_trial:
                    suspects.append(piece)
                elif len(piece) > 1:
                    suspects.extend([item] for item in piece)
                else:
                    yield piece, None
        finally:
            if under_way and self._client.status == "running":
                self._client.cancel(list(under_way), reason="stopped", msg="the run has ended")

    def _next(self, done: "queue.SimpleQueue[Any]") -> Any:
        while True:
            try:
                return done.get(timeout=LOOK_S)
            except queue.Empty:
                if self._client.status != "running":
                    raise self._gone() from None
                self.wait_for_workers()

    def _result(self, future: Any) -> tuple[Any] | None:
        """What came of a piece, in a tuple; None where it has ended too many workers."""
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        for _ in range(RESULT_TRIES):
            try:
                return (future.result(timeout=RESULT_S),)
            except KilledWorker:
                return None
            except FutureCancelledError:
                raise self._gone() from None
            except OSError as error:
                if future.status == "error":  # the worker's own
                    raise
                if not isinstance(error, TimeoutError) or self._client.status != "running":
                    raise self._gone() from None
                self.wait_for_workers()  # it was lost with its worker on the way here, and another one makes it again
                log.warning("a result of the Dask cluster at %s does not come: it is asked for again", self.address)
            except ModuleNotFoundError as error:
                raise self._without(error) from None
            except RuntimeError as error:
                if isinstance(error.__cause__, ImportError) or "deserialization" in str(error):
                    raise self._without(error.__cause__ or error) from None
                raise
        raise ClusterError(f"a worker of the Dask cluster at {self.address} does not hand over what it has done: see the workers' logs")

    def _gone(self) -> ClusterError:
        return ClusterError(f"the Dask cluster at {self.address} has gone: start it and run again; what is finished is kept")

    def _without(self, error: BaseException) -> ClusterError:
        return ClusterError(
            f"scheduler or workers of the Dask cluster at {self.address} lack code that is here ({error}): install the same version of "
            "timbre-audio[scale] in all of them"
        )


@contextmanager
def connected(address: str) -> Iterator[Cluster]:
    """The cluster whose scheduler listens at `tcp://host:port`, or at `tls://host:port` with the certificates of Dask's configuration.

    Raises:
        ClusterError: if distributed or certificates are lacking here, nothing answers within seconds, or there are no workers.
    """
    try:
        from distributed import Client
        from distributed.comm import CommClosedError
    except ModuleNotFoundError:
        raise ClusterError("execution.dask_address needs Dask: pip install 'timbre-audio[scale]'") from None
    security = _security(address)
    dask = logging.getLogger("distributed")
    level = dask.level
    dask.setLevel(logging.CRITICAL)  # what it says of lost connections, a ClusterError says
    try:
        try:
            _knock(address, security)
            client = Client(address, timeout=CONNECT_S, set_as_default=False, security=security)
        except (OSError, ValueError, TimeoutError) as error:
            cause = error.__cause__ if isinstance(error, CommClosedError) else None
            reason = (str(cause or error) or "what listens there says nothing").splitlines()[0]
            raise ClusterError(
                f"no Dask scheduler answers at {address} ({reason}): start one with `dask scheduler`, or mend execution.dask_address"
                f"{' or the certificates' if address.startswith(ENCRYPTED) else ''}"
            ) from None
        with client:
            cluster = Cluster(client, address)
            cluster.wait_for_workers()
            yield cluster
    finally:
        dask.setLevel(level)


def _security(address: str) -> Any:
    """What Dask's configuration says of encryption.

    Raises:
        ClusterError: if the address does not go with it.
    """
    from distributed import Security

    encrypted = address.startswith(ENCRYPTED)
    try:
        security = Security()
        context = security.get_connection_args("client")["ssl_context"]
    except (OSError, ValueError) as error:
        raise ClusterError(f"Dask's certificates cannot be used ({error}): mend {CERTIFICATES}") from None
    if encrypted and context is None:
        raise ClusterError(f"{address} asks for certificates, and Dask's configuration names none: set {CERTIFICATES}")
    if security.require_encryption and not encrypted:
        raise ClusterError(f"Dask's configuration requires encryption, which {address} has not: name the scheduler by tls://")
    return security


def _knock(address: str, security: Any) -> None:
    """See that a scheduler listens there: the client waits without end for something else that does.

    Raises:
        OSError, TimeoutError: if not.
    """
    from distributed.core import rpc

    async def ask() -> str:
        async with rpc(address, timeout=CONNECT_S, connection_args=security.get_connection_args("client")) as scheduler:
            return str((await asyncio.wait_for(scheduler.identity(), CONNECT_S + 1))["type"])

    with ThreadPoolExecutor(1) as pool:  # this thread may have a loop of its own
        kind = pool.submit(lambda: asyncio.run(ask())).result()
    if kind != "Scheduler":
        raise OSError(f"what listens there is a {kind}")


def here() -> str:
    """What an error calls the process that it comes from."""
    from distributed import get_worker

    try:
        return f"the worker {get_worker().address}"
    except ValueError:  # no worker
        return "this machine"


def make_room() -> None:
    """On a worker: what this piece still does is waiting, so that the worker's thread may begin the next one."""
    from distributed import get_worker, secede

    try:
        get_worker()
    except ValueError:  # no worker
        return
    secede()


def unreadable(paths: Iterable[str]) -> list[str]:
    """On a worker: those of some paths that it cannot open; an address in a bucket is none."""
    return [path for path in paths if "://" not in path and not os.access(path, os.R_OK)]


def refuse_blind(paths: Iterable[str]) -> None:
    """Of paths that a worker could not open, see that nobody can: one that this machine can is no bad clip.

    Raises:
        ClusterError: if there is one.
    """
    if path := next((path for path in paths if os.access(path, os.R_OK)), None):
        raise ClusterError(f"a worker cannot read {path}, which is here: let all workers mount it at this path, or name the data by s3://")


def shrinking(items: Sequence[Item], costs: Sequence[float], threads: int, most: float, least: float) -> Iterator[list[Item]]:
    """The items in pieces, large ones first and small ones last, so that no thread has much left when the others are done.

    Args:
        costs: [item].
        most, least: cost of a piece.
    """
    left = float(sum(costs))
    first = 0
    while first < len(items):
        wanted = min(most, max(least, left / (PIECES_LEFT * max(1, threads))))
        last, cost = first, 0.0
        while last < len(items) and (last == first or cost + costs[last] <= wanted):
            cost += costs[last]
            last += 1
        yield list(items[first:last])
        first, left = last, left - cost
