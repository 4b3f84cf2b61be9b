"""What a service may answer instead of what was asked.

TimbreError
└── ServiceError         any error status; `status`, `detail` and `request_id` tell which
    ├── Unauthorized     401  no key, or a wrong one
    ├── Forbidden        403  the key may not do this
    ├── NotFound         404  no such model, path or job
    ├── Conflict         409  the model is inactive or in production, the job has ended
    ├── Gone             410  the model is archived
    ├── TooLarge         413  more files, bytes or seconds than a request may have
    ├── Invalid          422  a parameter or body that does not fit; `problems` lists them
    ├── TooManyRequests  429  the key's rate is used up
    ├── Unavailable      503  busy, or without its database
    ├── TimedOut         504  the answer took too long
    ├── NoAnswer         no answer at all, or one that breaks off or is none of this service's
    └── StillRunning     `wait` has waited as long as it was told to
"""

# ruff: noqa: N818 - the names say what is wrong

import json
from collections.abc import Mapping
from typing import Any

from components.errors import TimbreError

REQUEST_ID = "X-Request-ID"
LONGEST = 500


class ServiceError(TimbreError):
    """An error of the service or on the way to it.

    Attributes:
        status: of HTTP; None where there was no answer.
        detail: the service's own sentence.
        request_id: the service's log has the request under it.
        problems: where, what and which kind, of a 422.
    """

    def __init__(self, detail: str, status: int | None = None, request_id: str | None = None, problems: tuple[Any, ...] = ()) -> None:
        super().__init__(detail if status is None else f"{status}: {detail}")
        self.detail, self.status, self.request_id, self.problems = detail, status, request_id, problems


class Unauthorized(ServiceError):
    """401."""


class Forbidden(ServiceError):
    """403."""


class NotFound(ServiceError):
    """404."""


class Conflict(ServiceError):
    """409."""


class Gone(ServiceError):
    """410."""


class TooLarge(ServiceError):
    """413."""


class Invalid(ServiceError):
    """422."""


class TooManyRequests(ServiceError):
    """429, after as many tries as were allowed."""


class Unavailable(ServiceError):
    """503, after as many tries as were allowed."""


class TimedOut(ServiceError):
    """504."""


class NoAnswer(ServiceError):
    """The service could not be reached, or what came cannot be read."""


class StillRunning(ServiceError):
    """The job goes on; only the waiting has ended."""


STATUSES: dict[int, type[ServiceError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Gone,
    413: TooLarge,
    422: Invalid,
    429: TooManyRequests,
    503: Unavailable,
    504: TimedOut,
}


def error_of(status: int, text: str, headers: Mapping[str, str]) -> ServiceError:
    """The error that an answer means."""
    try:
        body = json.loads(text)
        detail = body["detail"]
    except (ValueError, TypeError, KeyError):  # a proxy, or another program
        said = " ".join(text.split())[:LONGEST] or "an answer without text"
        detail = f"{said} (these are not the service's own words: see that the URL names it)"
    return told(status, detail, headers.get(REQUEST_ID))


def told(status: int, detail: Any, request_id: str | None) -> ServiceError:
    """The error of a status and what the service says of it: a sentence, or the list of a 422."""
    problems = tuple(detail) if isinstance(detail, list) else ()
    said = "; ".join(_sentence(one) for one in problems) if problems else str(detail)
    return STATUSES.get(status, ServiceError)(said[: 2 * LONGEST], status, request_id, problems)


def _sentence(problem: Any) -> str:
    if not isinstance(problem, dict):
        return str(problem)
    return f"{'.'.join(map(str, problem.get('loc', ())))}: {problem.get('msg', '')}"
