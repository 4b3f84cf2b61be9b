"""What a client does about a call, step by step, without doing it: the same for the one that blocks and the one that awaits.

Each function is a generator. It yields a `Send` or a `Pause`, is told what came of it, and returns the result.
"""

import email.utils
import random
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx

from timbre.client.answers import Job
from timbre.client.calls import Call, job
from timbre.client.errors import NoAnswer, StillRunning, error_of

T = TypeVar("T")
BUSY = (429, 503)
LONGEST_PAUSE_S = 8.0


@dataclass(frozen=True)
class Send:
    """Send this and tell the response, its body read, or what went wrong on the way.

    Args:
        stream: leave the body of a good answer unread.
    """

    request: httpx.Request
    stream: bool


@dataclass(frozen=True)
class Pause:
    """Wait for so long."""

    seconds: float


Told = httpx.Response | httpx.RequestError | None
Steps = Generator[Send | Pause, Told, T]


@dataclass(frozen=True)
class Patience:
    """How often and how patiently a call is repeated.

    Args:
        retries: tries after the first.
        backoff_s: about how long before the second; each later pause is twice as long.
        longest_s: the longest that a service may ask us to wait; where it asks for more, its error is raised at once.
    """

    retries: int = 3
    backoff_s: float = 0.5
    longest_s: float = 60.0

    def pause_s(self, tries: int, told: httpx.Response | httpx.RequestError) -> float | None:
        """How long to wait after so many tries; None where there is to be no other."""
        if tries > self.retries or not _may_pass(told):
            return None
        asked = _retry_after_s(told) if isinstance(told, httpx.Response) else None
        if asked is not None:
            return asked if asked <= self.longest_s else None
        longest: float = min(self.backoff_s * 2.0 ** (tries - 1), LONGEST_PAUSE_S)
        return longest * random.uniform(0.5, 1)  # noqa: S311 - so that clients that were refused together do not come again together


def answered(call: Call[Any], build: Callable[..., httpx.Request], patience: Patience, stream: bool = False) -> Steps[httpx.Response]:
    """The good answer to a call, repeated where that is safe and may help.

    Raises:
        ServiceError: as the service says, or NoAnswer.
    """
    tries = 0
    while True:
        tries += 1
        request = build(**call.request())
        told = yield Send(request, stream)
        assert told is not None  # noqa: S101 - whoever drives this tells what came of a Send
        if isinstance(told, httpx.Response) and told.is_success:
            return told
        pause_s = patience.pause_s(tries, told) if call.repeatable else None
        if pause_s is None:
            raise _error(told, request, tries)
        yield Pause(pause_s)


def performed(call: Call[T], build: Callable[..., httpx.Request], patience: Patience) -> Steps[T]:
    """The result of a call."""
    response = yield from answered(call, build, patience)
    if response.status_code == httpx.codes.NO_CONTENT:
        return call.read(None)
    try:
        return call.read(response.json())
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, NoAnswer):
            raise
        raise NoAnswer(f"{response.url} gives an answer that is none of this service's: see that the URL names it") from None


def waited(job_id: str, timeout_s: float | None, every_s: float, build: Callable[..., httpx.Request], patience: Patience) -> Steps[Job]:
    """The job once it has ended."""
    last = None if timeout_s is None else time.monotonic() + timeout_s
    while True:
        found = yield from performed(job(job_id), build, patience)
        if found.has_ended:
            return found
        left = every_s if last is None else min(every_s, last - time.monotonic())
        if left <= 0:
            raise StillRunning(f"training job {job_id} is {found.state} after {timeout_s:g} s: wait again, or cancel it")
        yield Pause(left)


def _may_pass(told: httpx.Response | httpx.RequestError) -> bool:
    """Whether asking again may help. A service that is at work too long would only get more to do."""
    if isinstance(told, httpx.Response):
        return told.status_code in BUSY
    return isinstance(told, httpx.NetworkError | httpx.RemoteProtocolError | httpx.ConnectTimeout)


def _retry_after_s(response: httpx.Response) -> float | None:
    """Seconds, or a date (RFC 9110, 10.2.3)."""
    text = response.headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _error(told: httpx.Response | httpx.RequestError, request: httpx.Request, tries: int) -> Exception:
    if isinstance(told, httpx.Response):
        return error_of(told.status_code, told.text, told.headers)
    where = f"{request.url.scheme}://{request.url.netloc.decode()}"
    said = str(told) or type(told).__name__
    return NoAnswer(f"no answer from {where} in {tries} {'try' if tries == 1 else 'tries'}: {said}; see that the service runs there")
