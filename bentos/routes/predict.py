"""Which labels a model hears in files."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing, closing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from starlette.responses import StreamingResponse

from bentos import examples
from bentos.access import KEY
from bentos.answers import answer_of
from bentos.context import Context, caller_of, context_of
from bentos.errors import Refused
from bentos.recording import Logged, Record
from bentos.scratch import NamedFile
from bentos.sources import result_names
from bentos.streams import stream
from bentos.threads import in_thread
from bentos.uploads import FIELD, check_type, uploads
from bentos.work import Opener, at_once
from components.errors import TimbreError

Answer = dict[str, int | float | str | None]
IDS, MOST_IDS = "X-Prediction-IDs", 32
router = APIRouter(prefix="/model", tags=["model inference"], responses=examples.AUDIO, dependencies=[KEY])
ModelKey = Annotated[
    str, Query(alias="model_ckpt_path", max_length=300, description="One of the strings that `GET /models` gives.", examples=["production"])
]
Scores = Annotated[bool, Query(description="Probabilities instead of 0 or 1.")]
Ids = Annotated[bool, Query(description="A `prediction_id` beside the labels of each clip; null where the log has no room.")]
Paths = Annotated[list[Annotated[str, Body(max_length=4096)]], Body(min_length=1, max_length=1000, examples=[examples.PATHS])]


@router.post("/predict-files", openapi_extra=examples.UPLOAD, responses=examples.FILES)
async def predict_files(request: Request, response: Response, model: ModelKey, scores: Scores = False, ids: Ids = False) -> list[Answer]:
    """Hear uploaded files: one object a file, in their order. A file that cannot be read has an `error` instead; 400 where none can be."""
    check_type(request)
    context = context_of(request)
    record = context.record(await in_thread(context.catalogue.find, model), caller_of(request))
    heard = [one async for one in record.hear(_openers(request, context), context.budget())]
    if not heard:
        raise RequestValidationError([{"loc": ("body", FIELD), "msg": "Field required", "type": "missing"}])
    _refuse_if_all_failed(heard)
    _tell_ids(response, heard)
    return [_answer(record, one, scores, ids) for one in heard]


@router.post("/predict-directory", responses=examples.DIRECTORY)
async def predict_directory(
    request: Request, response: Response, model: ModelKey, paths: Paths, scores: Scores = False, ids: Ids = False
) -> dict[str, Answer]:
    """Hear files, folders or `s3://` keys that lie where the service may read: file stem -> label -> number."""
    record, names, clips = await _listed(request, model, paths)
    heard = [one async for one in clips]
    _refuse_if_all_failed(heard)
    _tell_ids(response, heard)
    return {name: _answer(record, one, scores, ids) for name, one in zip(names, heard, strict=True)}


@router.post("/predict-directory-stream", response_class=StreamingResponse, responses=examples.STREAM)
async def predict_directory_stream(
    request: Request, model: ModelKey, paths: Paths, scores: Scores = False, ids: Ids = False
) -> StreamingResponse:
    """The same, a line a clip while the work goes on; the last line tells how it ended."""
    record, names, clips = await _listed(request, model, paths)
    total = {"clips": 0, "failed": 0}

    async def lines() -> AsyncGenerator[dict[str, Any]]:
        waiting = iter(names)
        async with aclosing(clips):
            async for one in clips:
                total["failed" if isinstance(one.heard, TimbreError) else "clips"] += 1
                yield {next(waiting): _answer(record, one, scores, ids)}

    return stream(request, lines(), total)


async def _listed(request: Request, model: str, paths: Sequence[str]) -> tuple[Record, list[str], AsyncGenerator[Logged]]:
    """The clips' names, and what is heard of them."""
    context = context_of(request)
    offer = await in_thread(context.catalogue.find, model)
    budget = context.budget()
    files = await context.look(budget, context.sources.all_files, paths, budget.check)
    record = context.record(offer, caller_of(request), [file.shown for file in files])
    return record, result_names(files), record.hear(at_once(file.opened for file in files), budget)


async def _openers(request: Request, context: Context) -> AsyncIterator[Opener]:
    async for file in uploads(request, context.scratch, context.config.max_files):
        yield partial(_at_hand, file)


def _at_hand(file: NamedFile) -> closing[Any]:
    return closing(file)


def _answer(record: Record, one: Logged, scores: bool, ids: bool) -> Answer:
    answer: Answer = answer_of(record.offer, one.heard, scores)
    return {**answer, "prediction_id": one.prediction_id} if ids else answer


def _tell_ids(response: Response, heard: Sequence[Logged]) -> None:
    """Name the rows in a header, in the clips' order, where it would not be long and none is missing."""
    ids = [one.prediction_id for one in heard if one.prediction_id is not None]
    if len(ids) == len(heard) <= MOST_IDS:
        response.headers[IDS] = ",".join(ids)


def _refuse_if_all_failed(heard: Sequence[Logged]) -> None:
    if heard and all(isinstance(one.heard, TimbreError) for one in heard):
        raise Refused(400, f"not one of {len(heard)} files could be read; the first: {heard[0].heard}")
