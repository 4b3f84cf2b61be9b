"""How good a model is on data sets that lie where the service may read."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import ExitStack
from functools import partial
from typing import Annotated, Any

from fastapi import APIRouter, Body, Query, Request
from starlette.responses import StreamingResponse

from bentos import examples
from bentos.access import KEY
from bentos.context import context_of
from bentos.errors import Refused
from bentos.judging import Named, Test, opened
from bentos.routes.predict import ModelKey
from bentos.schemas import DatasetItem
from bentos.streams import stream
from bentos.threads import in_thread
from components.errors import TimbreError

router = APIRouter(prefix="/model", tags=["model inference"], responses=examples.AUDIO, dependencies=[KEY])
Data = Annotated[list[DatasetItem], Body(min_length=1, max_length=100)]
OfLabels = Annotated[
    bool | None, Query(alias="instrument_metrics", description="Metrics of each label too; the service's own flag where none is given.")
]


@router.post("/test-directory", name="test_directory", responses=examples.TEST)
async def try_directory(request: Request, model: ModelKey, data: Data, of_labels: OfLabels = None) -> dict[str, Any]:
    """Predict labels for data sets and compare them with the truth that they bring."""
    stack = ExitStack()
    try:
        test = await _opened(request, model, data, stack)
        async for _ in test.run():
            pass
    finally:
        await _close(stack)
    if all(isinstance(one, TimbreError) for one in test.heard):
        raise Refused(400, f"not one of {len(test.heard)} clips could be read; the first: {test.answer(test.heard[0])['error']}")
    predictions = {name: test.answer(one) for name, one in zip(test.names, test.heard, strict=True)}
    return {**await _metrics(request, test, of_labels), "predictions": predictions}


@router.post("/test-directory-stream", response_class=StreamingResponse, name="test_directory_stream", responses=examples.TEST_STREAM)
async def try_directory_stream(request: Request, model: ModelKey, data: Data, of_labels: OfLabels = None) -> StreamingResponse:
    """The same, a line a clip while the work goes on; the metrics are in the last line."""
    stack = ExitStack()
    try:
        test = await _opened(request, model, data, stack)
    except BaseException:
        await _close(stack)
        raise
    total: dict[str, Any] = {}

    async def lines() -> AsyncGenerator[dict[str, Any]]:
        names = iter(test.names)
        async for one in test.run():
            yield {next(names): test.answer(one)}
        failed = sum(isinstance(one, TimbreError) for one in test.heard)
        total.update({"clips": len(test.heard) - failed, "failed": failed, **await _metrics(request, test, of_labels)})

    return stream(request, lines(), total, partial(_close, stack))


async def _close(stack: ExitStack) -> None:
    """Remove what was copied, gigabytes perhaps, in a thread that goes on whoever leaves."""
    await asyncio.shield(asyncio.to_thread(stack.close))


async def _opened(request: Request, model: str, data: list[DatasetItem], stack: ExitStack) -> Test:
    context = context_of(request)
    offer = await in_thread(context.catalogue.find, model)
    return await opened(context, offer, [Named(one.dataset_type, one.dataset_path) for one in data], stack)


async def _metrics(request: Request, test: Test, of_labels: bool | None) -> dict[str, Any]:
    wanted = context_of(request).config.add_instrument_metrics if of_labels is None else of_labels
    return await in_thread(test.metrics, wanted)
