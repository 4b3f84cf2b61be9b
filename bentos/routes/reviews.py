"""What people say of predictions: which to hear, the sound itself, what they heard, and what that says of the model."""

import os
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Annotated, Any, BinaryIO

from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from bentos import examples, reviewing
from bentos.access import KEY
from bentos.context import Context, caller_of, context_of
from bentos.listening import TYPES, UNKNOWN_TYPE, open_audio
from bentos.schemas import DetectionRates, LivePerformance, NewReview, Reviewed, ReviewQueue
from bentos.threads import in_thread
from components.monitoring.clip_audio import suffix_of
from components.monitoring.detections import Every, detection_rates
from components.monitoring.performance import performance
from components.registry.records import rfc3339
from components.registry.reviews import Reviews

router = APIRouter(prefix="/api/v1", tags=["reviews"], dependencies=[KEY])
OF_MODEL = examples.errors(400, 404, 409, 410, 422)
PIECE = 2**18  # bytes of a clip that are sent at a time
Id = Annotated[str, Path(alias="prediction_id", max_length=100, examples=[examples.PREDICTION])]
ModelKey = Annotated[str, Query(max_length=300, description="One of the strings that `GET /models` gives.", examples=["production"])]
Since = Annotated[str, Query(max_length=40, description="7d, 12h, 90m or 2w ago, or a date or time.", examples=["30d"])]


@router.post(
    "/predictions/{prediction_id}/review", responses={**examples.errors(400, 422), 404: examples.NO_PREDICTION, 409: examples.REVIEWED}
)
async def review(request: Request, prediction_id: Id, body: NewReview) -> Reviewed:
    """Say which labels are true of a clip. A second review is refused, unless it is to replace the first."""
    said = reviewing.Said(prediction_id, **dict(body))
    made = await in_thread(reviewing.review, context_of(request), said, caller_of(request))
    return Reviewed.model_validate(made.as_json())


@router.get("/predictions/{prediction_id}/audio", response_class=Response, responses={**examples.errors(422), **examples.HEARD})
async def audio(request: Request, prediction_id: Id) -> Response:
    """The clip as it was sent, where it was kept or still lies below a data folder unchanged."""
    context, budget = context_of(request), context_of(request).budget()
    file = await context.look(budget, _open, context, prediction_id, budget.check)
    return _File(file)


@router.get("/review-queue", responses=OF_MODEL)
async def review_queue(
    request: Request, model: ModelKey = "production", limit: Annotated[int, Query(ge=1, le=100)] = 20, since: Since = "30d"
) -> ReviewQueue:
    """What to review next: the most uncertain first, each content once, in turn over the labels; every fourth is drawn by lot."""
    context, budget = context_of(request), context_of(request).budget()
    asked = await context.look(budget, reviewing.ask, context, model, since, limit, budget.check)
    return ReviewQueue.model_validate({"model": asked.offer.key, "waiting": asked.waiting, "items": asked.items()})


@router.get("/performance", responses=OF_MODEL)
async def live_performance(request: Request, model: ModelKey = "production", since: Since = "90d") -> LivePerformance:
    """How good the model is on what it has scored since then, by the reviews of clips that were drawn by lot."""

    def work(context: Context) -> dict[str, Any]:
        offer = context.catalogue.find(model)
        found = performance(Reviews(context.registry.database), offer.digest, reviewing.since_of(context, since))
        return {"model": offer.key, **asdict(found)}

    return LivePerformance.model_validate(await _do(request, work))


@router.get("/detection-rates", responses=OF_MODEL)
async def rates(request: Request, model: ModelKey = "production", since: Since = "30d", every: Every = "day") -> DetectionRates:
    """How often the model finds each label, day by day or week by week."""

    def work(context: Context) -> dict[str, Any]:
        offer = context.catalogue.find(model)
        found = detection_rates(Reviews(context.registry.database), offer.digest, reviewing.since_of(context, since), every)
        items = [{**asdict(one), "start": rfc3339(one.start)} for one in found]
        return {"model": offer.key, "every": every, "items": items}

    return DetectionRates.model_validate(await _do(request, work))


async def _do(request: Request, work: Any) -> dict[str, Any]:
    context = context_of(request)
    found: dict[str, Any] = await context.look(context.budget(), work, context)
    return found


def _open(context: Context, prediction_id: str, check: Any) -> BinaryIO:
    about = Reviews(context.registry.database).prediction(prediction_id)
    return open_audio(about.content or "", about.source, about.audio_uri, context.sources, check)


class _File(StreamingResponse):
    """An open file, which is closed however the answer ends."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        headers = {
            "Content-Length": str(os.fstat(file.fileno()).st_size),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
            "Cache-Control": "private, no-store",
        }
        super().__init__(self._pieces(), headers=headers, media_type=TYPES.get(suffix_of(file), UNKNOWN_TYPE))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self._file:
            await super().__call__(scope, receive, send)

    async def _pieces(self) -> AsyncIterator[bytes]:
        while piece := await in_thread(self._file.read, PIECE):
            yield piece
