"""Every error's HTTP status, in one place. A body is `{"detail": sentence}`; 422 has the list that FastAPI gives."""

import logging
import math

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from bentos.source_errors import Kind, SourceError
from components.errors import AudioError, ConfigError, DataError, RegistryError, S3Error, TaggerError, TimbreError
from components.registry import (
    ArchivedModel,
    DatabaseAway,
    InactiveModel,
    ModelInUse,
    RateLimited,
    RevokedKey,
    UnknownKey,
    UnknownModel,
)
from components.registry.errors import (
    JobFinished,
    KeyReused,
    LostFolder,
    NotReviewable,
    Reviewed,
    UnfitReview,
    UnknownJob,
    UnknownPrediction,
)

log = logging.getLogger("timbre.service")

STATUSES: dict[type[TimbreError], int] = {
    UnknownModel: 404,
    InactiveModel: 409,
    ModelInUse: 409,
    ArchivedModel: 410,
    UnknownKey: 401,
    RevokedKey: 401,
    RateLimited: 429,
    UnknownJob: 404,
    JobFinished: 409,
    KeyReused: 409,
    UnknownPrediction: 404,
    NotReviewable: 409,
    Reviewed: 409,
    DatabaseAway: 503,
    LostFolder: 503,
    S3Error: 503,
    TaggerError: 503,
    AudioError: 400,
    DataError: 400,
    ConfigError: 400,
    RegistryError: 400,
}
SOURCES: dict[Kind, int] = {"malformed": 400, "missing": 404, "too_large": 413, "refused": 403, "denied": 502, "away": 503, "full": 503}
NO_ROUTE = {404: "there is no such route: /docs lists them", 405: "this route takes another method: /docs lists them"}
AWAY = "the service cannot use its database just now: try again in a moment"
MODELS_AWAY = "the service cannot fetch the model just now: try again in a moment"
DAMAGED = "the model's tagger cannot be opened: the service's log says why"
INTERNAL = "something went wrong on our side; the log has it under this answer's X-Request-ID"


class Refused(HTTPException):
    """A request that is answered with an error status. FastAPI lets its own class pass wherever it reads a body."""

    def __init__(self, status: int, detail: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(status, detail, headers)


def refusal(error: Exception) -> Refused:
    """The answer that an error means; what a client must not know stays in the log."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, SourceError):
        if SOURCES[error.kind] >= 500:
            log.warning("%s: %s", error, error.__cause__)
        return Refused(SOURCES[error.kind], str(error), {"Retry-After": "5"} if error.kind == "full" else None)
    status = next((STATUSES[kind] for kind in type(error).__mro__ if kind in STATUSES), 500)
    if status < 500:
        return Refused(status, str(error), _headers(error))
    log.error("%s: %s", type(error).__name__, error, exc_info=None if isinstance(error, TimbreError) else error)
    if isinstance(error, DatabaseAway):
        return Refused(503, AWAY, {"Retry-After": "5"})
    if isinstance(error, S3Error):
        return Refused(503, MODELS_AWAY, {"Retry-After": "5"})
    return Refused(503, DAMAGED) if isinstance(error, TaggerError | LostFolder) else Refused(500, INTERNAL)


def _headers(error: Exception) -> dict[str, str]:
    if isinstance(error, RateLimited):
        return {"Retry-After": str(max(1, math.ceil(error.retry_after_s)))}
    return {"WWW-Authenticate": "ApiKey"} if isinstance(error, UnknownKey | RevokedKey) else {}


def answer(refused: Refused) -> JSONResponse:
    return JSONResponse({"detail": refused.detail}, refused.status_code, refused.headers)


def add_handlers(app: FastAPI) -> None:
    """Have the app answer every error in the one shape."""

    async def any_error(_: Request, error: Exception) -> JSONResponse:
        return answer(refusal(error))

    async def http(_: Request, error: HTTPException) -> JSONResponse:
        detail = error.detail if isinstance(error, Refused) else NO_ROUTE.get(error.status_code, error.detail)
        return JSONResponse({"detail": detail}, error.status_code, error.headers)

    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        return unprocessable(error)

    async def unfit(_: Request, error: UnfitReview) -> JSONResponse:
        return unprocessable(RequestValidationError([{"loc": ("body", *error.field), "msg": str(error), "type": "value_error"}]))

    for kind in (TimbreError, Exception):
        app.add_exception_handler(kind, any_error)
    app.add_exception_handler(HTTPException, http)  # type: ignore[arg-type]
    app.add_exception_handler(RequestValidationError, invalid)  # type: ignore[arg-type]
    app.add_exception_handler(UnfitReview, unfit)  # type: ignore[arg-type]


def unprocessable(error: RequestValidationError) -> JSONResponse:
    """422 with where, what and which kind; the input itself is not sent back, since it may be huge."""
    detail = [{"loc": list(one["loc"]), "msg": str(one["msg"]), "type": str(one["type"])} for one in error.errors()[:20]]
    return JSONResponse({"detail": detail}, 422)
