"""The client that blocks."""

import functools
import time
from collections.abc import Callable, Generator, Iterator
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


class Stream(Generic[T]):
    """Clips as they come, once through; leaving it early stops the service's work on them.

    Attributes:
        result: what the last line says, once all clips have come.
    """

    def __init__(self, client: "Client", call: Call[T]) -> None:
        self._lines = Lines(call)
        self._clips = self._read(client, call)

    @property
    def result(self) -> T | None:
        return self._lines.result

    def __iter__(self) -> Iterator[Clip]:
        return self

    def __next__(self) -> Clip:
        return next(self._clips)

    def __enter__(self) -> "Stream[T]":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop here."""
        self._clips.close()

    def _read(self, client: "Client", call: Call[T]) -> Generator[Clip, None, None]:
        response = client._run(answered(call, client._http.build_request, client._settings.patience, stream=True))
        try:
            for line in response.iter_lines():
                if clip := self._lines.clip(line, response.headers.get(REQUEST_ID)):
                    yield clip
        except httpx.RequestError:
            raise self._lines.broken() from None
        finally:
            response.close()
        self._lines.close()


def _blocking(describe: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], T]":
    @functools.wraps(describe)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> T:
        return self._run(performed(describe(*args, **kwargs), self._http.build_request, self._settings.patience))

    return signed(method, describe)


def _streamed(describe: Callable[P, Call[T]]) -> "Callable[Concatenate[Client, P], Stream[T]]":
    @functools.wraps(describe)
    def method(self: "Client", /, *args: P.args, **kwargs: P.kwargs) -> Stream[T]:
        return Stream(self, describe(*args, **kwargs))

    return signed(method, describe)


class Client:
    """A service that runs elsewhere.

    Args:
        url: where it answers.
        api_key: TIMBRE_API_KEY where none is given; a service with authentication off wants none.
        timeout: seconds without a word from the service before a call fails.
        retries: how often a call that may be repeated is tried again, when the service is busy or cannot be reached.
        backoff_s: about how long before the second try; it doubles, and the service's own Retry-After goes before.
    """

    def __init__(
        self,
        url: str = "http://localhost:8090",
        api_key: str | None = None,
        timeout: float = 150.0,
        retries: int = 3,
        backoff_s: float = 0.5,
    ) -> None:
        self._settings = Connection.of(url, api_key, timeout, retries, backoff_s)
        self._http = httpx.Client(**self._settings.options())

    models = _blocking(calls.models)
    dataset_types = _blocking(calls.dataset_types)
    predict = _blocking(calls.predict)
    predict_directory = _blocking(calls.predict_directory)
    stream_directory = _streamed(calls.stream_directory)
    test = _blocking(calls.test)
    stream_test = _streamed(calls.stream_test)
    list_models = _blocking(calls.list_models)
    model = _blocking(calls.model)
    rename = _blocking(calls.rename)
    describe = _blocking(calls.describe)
    activate = _blocking(calls.activate)
    deactivate = _blocking(calls.deactivate)
    archive = _blocking(calls.archive)
    promote = _blocking(calls.promote)
    roll_back = _blocking(calls.roll_back)
    compare = _blocking(calls.compare)
    audit = _blocking(calls.audit)
    train = _blocking(calls.train)
    jobs = _blocking(calls.jobs)
    job = _blocking(calls.job)
    cancel = _blocking(calls.cancel)
    review_queue = _blocking(calls.review_queue)
    review = _blocking(calls.review)
    performance = _blocking(calls.performance)
    detection_rates = _blocking(calls.detection_rates)

    def wait(self, job_id: str, timeout_s: float | None = None, every_s: float = 2.0) -> Job:
        """The job once it has ended, however it did.

        Raises:
            StillRunning: if that takes longer than `timeout_s`.
        """
        return self._run(waited(job_id, timeout_s, every_s, self._http.build_request, self._settings.patience))

    def close(self) -> None:
        """Give the connections back."""
        self._http.close()

    def __enter__(self) -> "Client":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _run(self, steps: Steps[T]) -> T:
        told: Told = None
        while True:
            try:
                step = steps.send(told)
            except StopIteration as end:
                result: T = end.value
                return result
            told = self._take(step)

    def _take(self, step: Send | Pause) -> Told:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        try:
            response = self._http.send(step.request, stream=True)
            if not step.stream or not response.is_success:
                response.read()
        except httpx.RequestError as error:
            return error
        return response
