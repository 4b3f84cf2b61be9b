"""Which labels a model hears in files."""

from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import closing
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from fastapi.exceptions import RequestValidationError
from starlette.concurrency import run_in_threadpool
from starlette.responses import StreamingResponse

from bentos import examples
from bentos.access import KEY
from bentos.answers import answer_of
from bentos.budget import Budget
from bentos.catalogue import Offer
from bentos.context import Context, context_of
from bentos.errors import Refused
from bentos.scratch import NamedFile
from bentos.sources import result_names
from bentos.streams import stream
from bentos.uploads import FIELD, check_type, uploads
from bentos.work import Heard, Opener, at_once
from components.errors import TimbreError

Answer = dict[str, int | float | str]
router = APIRouter(prefix="/model", tags=["model inference"], responses=examples.AUDIO, dependencies=[KEY])
ModelKey = Annotated[
    str, Query(alias="model_ckpt_path", max_length=300, description="One of the strings that `GET /models` gives.", examples=["production"])
]
Scores = Annotated[bool, Query(description="Probabilities instead of 0 or 1.")]
Paths = Annotated[list[Annotated[str, Body(max_length=4096)]], Body(min_length=1, max_length=1000, examples=[examples.PATHS])]


@router.post("/predict-files", openapi_extra=examples.UPLOAD, responses=examples.FILES)
async def predict_files(request: Request, model: ModelKey, scores: Scores = False) -> list[Answer]:
    """Hear uploaded files: one object a file, in their order. A file that cannot be read has an `error` instead; 400 where none can be."""
    check_type(request)
    context = context_of(request)
    offer = await run_in_threadpool(context.catalogue.find, model)
    heard = [one async for one in context.work.hear(offer, _openers(request, context), context.budget())]
    if not heard:
        raise RequestValidationError([{"loc": ("body", FIELD), "msg": "Field required", "type": "missing"}])
    _refuse_if_all_failed(heard)
    return [answer_of(offer, one, scores) for one in heard]


@router.post("/predict-directory", responses=examples.DIRECTORY)
async def predict_directory(request: Request, model: ModelKey, paths: Paths, scores: Scores = False) -> dict[str, Answer]:
    """Hear files, folders or `s3://` keys that lie where the service may read: file stem -> label -> number."""
    context, offer, budget, names, openers = await _listed(request, model, paths)
    heard = [one async for one in context.work.hear(offer, at_once(openers), budget)]
    _refuse_if_all_failed(heard)
    return {name: answer_of(offer, one, scores) for name, one in zip(names, heard, strict=True)}


@router.post("/predict-directory-stream", response_class=StreamingResponse, responses=examples.STREAM)
async def predict_directory_stream(request: Request, model: ModelKey, paths: Paths, scores: Scores = False) -> StreamingResponse:
    """The same, a line a clip while the work goes on; the last line tells how it ended."""
    context, offer, budget, names, openers = await _listed(request, model, paths)
    total = {"clips": 0, "failed": 0}

    async def lines() -> AsyncGenerator[dict[str, Any]]:
        waiting = iter(names)
        async for one in context.work.hear(offer, at_once(openers), budget):
            total["failed" if isinstance(one, TimbreError) else "clips"] += 1
            yield {next(waiting): answer_of(offer, one, scores)}

    return stream(request, lines(), total)


async def _listed(request: Request, model: str, paths: Sequence[str]) -> tuple[Context, Offer, Budget, list[str], list[Opener]]:
    """The model, what it may cost, and the clips' names with what opens them."""
    context = context_of(request)
    offer = await run_in_threadpool(context.catalogue.find, model)
    budget = context.budget()
    files = await context.look(budget, context.sources.all_files, paths, budget.check)
    return context, offer, budget, result_names(files), [file.opened for file in files]


async def _openers(request: Request, context: Context) -> AsyncIterator[Opener]:
    async for file in uploads(request, context.scratch, context.config.max_files):
        yield partial(_at_hand, file)


def _at_hand(file: NamedFile) -> closing[Any]:
    return closing(file)


def _refuse_if_all_failed(heard: Sequence[Heard]) -> None:
    if heard and all(isinstance(one, TimbreError) for one in heard):
        raise Refused(400, f"not one of {len(heard)} files could be read; the first: {heard[0]}")
