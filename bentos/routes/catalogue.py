"""What there is to choose from: models and types of data sets."""

from fastapi import APIRouter, Request

from bentos import examples
from bentos.access import KEY
from bentos.context import context_of
from bentos.threads import in_thread
from components.datasets import DATASETS

router = APIRouter(tags=["resources"], responses=examples.ANYWHERE, dependencies=[KEY])


@router.get("/models", summary="Models that may be used", responses=examples.MODELS)
async def models(request: Request) -> list[str]:
    """Each string is exactly what the parameter `model_ckpt_path` takes."""
    return await in_thread(context_of(request).catalogue.keys)


@router.get("/dataset-types", summary="Types of data sets", responses=examples.TYPES)
async def dataset_types() -> list[str]:
    """Each type reads labels in its own way; the empty string `""` only loads the audio."""
    return list(DATASETS)
