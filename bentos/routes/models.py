"""The registry: which models there are, how they did, and which is in production."""

from collections.abc import Callable
from typing import Annotated, Literal, TypeVar

from fastapi import APIRouter, Path, Query, Request, Response

from bentos import examples
from bentos.access import KEY
from bentos.context import caller_of, context_of
from bentos.schemas import Audit, AuditItem, Compared, Comparison, ComparisonTable, Model, ModelChange, ModelPage, Reason
from bentos.threads import in_thread
from components.registry import AuditEntry, RegisteredModel, Registry, rfc3339

router = APIRouter(prefix="/api/v1", tags=["registry"], responses=examples.errors(400, 404, 409, 410, 422), dependencies=[KEY])
T = TypeVar("T")
Key = Annotated[str, Path(alias="model_id", max_length=300, description="An id, a key name@digest8, a digest or an alias.")]
Sort = Literal["created_at", "-created_at", "name", "-name", "f1_score", "-f1_score"]


@router.get("/models")
async def list_models(
    request: Request,
    is_active: bool | None = None,
    label: Annotated[str | None, Query(max_length=200, description="Only models that know this label.")] = None,
    sort: Annotated[Sort, Query(description="With a - before it from the newest, last or best.")] = "-created_at",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> ModelPage:
    """A page of the registered models; archived ones are left out."""

    def read(registry: Registry) -> ModelPage:
        found = registry.list(is_active=is_active, label=label, sort=sort, page=page, page_size=page_size)
        return ModelPage(items=[_model(one) for one in found.items], total=found.total, page=page, page_size=page_size)

    return await _do(request, read)


@router.post("/models/compare")
async def compare(request: Request, body: Comparison) -> ComparisonTable:
    """Two models or more side by side, each with its difference from the first."""

    def read(registry: Registry) -> ComparisonTable:
        models = [registry.look_up(key) for key in body.models]
        return ComparisonTable(
            items=[_compared(one, models[0]) for one in models], comparable=len({one.data_digest for one in models}) == 1
        )

    return await _do(request, read)


@router.post("/models/rollback")
async def roll_back(request: Request, body: Reason | None = None) -> Model:
    """Put back what was in production before."""
    return await _change(request, lambda registry: _model(registry.roll_back(caller_of(request), body.reason if body else "")))


@router.get("/models/{model_id}")
async def get_model(request: Request, key: Key) -> Model:
    """One model, inactive and archived ones too."""
    return await _do(request, lambda registry: _model(registry.look_up(key)))


@router.patch("/models/{model_id}")
async def change_model(request: Request, key: Key, body: ModelChange) -> Model:
    """Rename, describe, activate or deactivate a model: all that is asked, or nothing."""
    given = body.model_dump()
    return await _change(request, lambda registry: _model(registry.change(key, caller_of(request), **given)))


@router.delete("/models/{model_id}", status_code=204)
async def archive_model(request: Request, key: Key) -> Response:
    """Archive a model: kept for audit, refused for inference."""
    await _change(request, lambda registry: registry.archive(key, caller_of(request)))
    return Response(status_code=204)


@router.post("/models/{model_id}/promote")
async def promote(request: Request, key: Key, body: Reason | None = None) -> Model:
    """Put a model in production; services that run serve it within a second."""
    return await _change(request, lambda registry: _model(registry.promote(key, caller_of(request), body.reason if body else "")))


@router.get("/models/{model_id}/audit")
async def model_audit(request: Request, key: Key, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Audit:
    """Who did what to a model, and when; newest first."""
    return await _do(request, lambda registry: Audit(items=[_entry(one) for one in registry.audit(key, limit)]))


async def _do(request: Request, work: Callable[[Registry], T]) -> T:
    return await in_thread(work, context_of(request).registry)


async def _change(request: Request, work: Callable[[Registry], T]) -> T:
    try:
        return await _do(request, work)
    finally:
        context_of(request).catalogue.note_change()


def _model(model: RegisteredModel) -> Model:
    return Model.model_validate(model.as_json())


def _compared(model: RegisteredModel, first: RegisteredModel) -> Compared:
    metrics = model.eval_metrics
    return Compared(
        id=model.id,
        key=model.key,
        name=model.name,
        split=model.split,
        data_digest=model.data_digest,
        precision=metrics["precision"],
        recall=metrics["recall"],
        f1_score=metrics["f1_score"],
        f1_difference=metrics["f1_score"] - first.eval_metrics["f1_score"],
        per_class_f1={label: one["f1_score"] for label, one in metrics["per_class"].items()},
    )


def _entry(entry: AuditEntry) -> AuditItem:
    return AuditItem(at=rfc3339(entry.at), who=entry.who, action=entry.action, model_id=entry.model_id, detail=entry.detail)
