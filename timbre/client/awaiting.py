"""The client that awaits, for asyncio."""

import asyncio
import functools
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from types import TracebackType
from typing import Concatenate, Generic, ParamSpec, TypeVar

import httpx

from timbre.client import calls
from timbre.client.answers import Clip, Job
from timbre.client.calls import Call
from timbre.client.connection import Connection, signed
from timbre.client.errors import REQUEST_ID
from timbre.client.lines import Lines
from timbre.client.steps import Pause, Send, Steps, Told, answered, performed, waited

P = ParamSpec("P")
T = TypeVar("T")


class AsyncStream(Generic[T]):
    """Clips as they come, once through; leaving it early stops the service's work on them.

    Attributes:
        result: what the last line says, once all clips have come.
    """

    def __init__(self, client: "AsyncClient", call: Call[T]) -> None:
        self._lines = Lines(call)
        self._clips = self._read(client, call)

    @property
    def result(self) -> T | None:
        return self._lines.result

    def __aiter__(self) -> AsyncIterator[Clip]:
        return self

    async def __anext__(self) -> Clip:
        return await anext(self._clips)

    async def __aenter__(self) -> "AsyncStream[T]":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Stop here."""
        await self._clips.aclose()

    async def _read(self, client: "AsyncClient", call: Call[T]) -> AsyncGenerator[Clip, None]:
        response = await client._run(answered(call, client._http.build_request, client._settings.patience, stream=True))
        try:
            async for line in response.aiter_lines():
                if clip := self._lines.clip(line, response.headers.get(REQUEST_ID)):
                    yield clip
        except httpx.RequestError:
            raise self._lines.broken() from None
        finally:
            await response.aclose()
        self._lines.close()


def _awaited(describe: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], Awaitable[T]]":
    @functools.wraps(describe)
    async def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._run(performed(describe(*args, **kwargs), self._http.build_request, self._settings.patience))

    return signed(method, describe)


def _streamed(describe: Callable[P, Call[T]]) -> "Callable[Concatenate[AsyncClient, P], AsyncStream[T]]":
    @functools.wraps(describe)
    def method(self: "AsyncClient", /, *args: P.args, **kwargs: P.kwargs) -> AsyncStream[T]:
        return AsyncStream(self, describe(*args, **kwargs))

    return signed(method, describe)


class AsyncClient:
    """A service that runs elsewhere; the arguments are those of `Client`."""

    def __init__(
        self,
        url: str = "http://localhost:8090",
        api_key: str | None = None,
        timeout: float = 150.0,
        retries: int = 3,
        backoff_s: float = 0.5,
    ) -> None:
        self._settings = Connection.of(url, api_key, timeout, retries, backoff_s)
        self._http = httpx.AsyncClient(**self._settings.options())

    models = _awaited(calls.models)
    dataset_types = _awaited(calls.dataset_types)
    predict = _awaited(calls.predict)
    predict_directory = _awaited(calls.predict_directory)
    stream_directory = _streamed(calls.stream_directory)
    test = _awaited(calls.test)
    stream_test = _streamed(calls.stream_test)
    list_models = _awaited(calls.list_models)
    model = _awaited(calls.model)
    rename = _awaited(calls.rename)
    describe = _awaited(calls.describe)
    activate = _awaited(calls.activate)
    deactivate = _awaited(calls.deactivate)
    archive = _awaited(calls.archive)
    promote = _awaited(calls.promote)
    roll_back = _awaited(calls.roll_back)
    compare = _awaited(calls.compare)
    audit = _awaited(calls.audit)
    train = _awaited(calls.train)
    jobs = _awaited(calls.jobs)
    job = _awaited(calls.job)
    cancel = _awaited(calls.cancel)
    review_queue = _awaited(calls.review_queue)
    review = _awaited(calls.review)
    performance = _awaited(calls.performance)
    detection_rates = _awaited(calls.detection_rates)

    async def wait(self, job_id: str, timeout_s: float | None = None, every_s: float = 2.0) -> Job:
        """The job once it has ended, however it did.

        Raises:
            StillRunning: if that takes longer than `timeout_s`.
        """
        return await self._run(waited(job_id, timeout_s, every_s, self._http.build_request, self._settings.patience))

    async def close(self) -> None:
        """Give the connections back."""
        await self._http.aclose()

    async def __aenter__(self) -> "AsyncClient":
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()

    async def _run(self, steps: Steps[T]) -> T:
        told: Told = None
        while True:
            try:
                step = steps.send(told)
            except StopIteration as end:
                result: T = end.value
                return result
            told = await self._take(step)

    async def _take(self, step: Send | Pause) -> Told:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        try:
            response = await self._http.send(step.request, stream=True)
            if not step.stream or not response.is_success:
                await response.aread()
        except httpx.RequestError as error:
            return error
        return response
