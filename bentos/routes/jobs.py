"""Training jobs: submitted here, run by workers, followed and cancelled here."""

import json
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from bentos import examples
from bentos.access import KEY
from bentos.context import Context, caller_of, context_of
from bentos.threads import in_thread
from components.config import Config
from components.registry.job_request import refuse_foreign_paths

WHERE = "/api/v1/training-jobs"
ID = "0b9f4c1e-5f0a-4d5e-9a53-3c1f2f0d7a11"
REQUEST = {"config": "sample", "overrides": ["training.seed=1", "training.lr_onecycle_max=1e-3"], "name": "sample-seed-1"}
SHOWN: dict[str, Any] = {
    "id": ID,
    "state": "running",
    "config": "sample",
    "owner": "ann",
    "by_hand": False,
    "attempts": 1,
    "cancel_requested": False,
    "step": 400,
    "steps": 1600,
    "epoch": 15,
    "epochs": 59,
    "overrides": ["training.seed=1", "training.lr_onecycle_max=1e-3", 'name="sample-seed-1"'],
    "created_at": "2026-03-01T12:00:00.000Z",
    "started_at": "2026-03-01T12:00:02.113Z",
    "finished_at": None,
    "metrics": {"train_loss": 0.231, "val_f1": 0.61, "val_map": 0.68, "lr": 0.0009},
    "run": "03-01-12-00-21_sample-seed-1",
    "error": None,
    "model_id": None,
    "model": None,
}
LOGGED = {**SHOWN, "log_tail": "step 400: loss 0.231, val F1 0.610, val mAP 0.680\n"}
MISSING = examples.error("No such job", f"there is no training job {ID!r}: take an id from the list of jobs")
ENDED = examples.error("The job has ended", f"job {ID} has succeeded and cannot be cancelled")
REUSED = examples.error(
    "The key belongs to another request", f"the idempotency key 'nightly' belongs to job {ID}, which asks for something else"
)
REFUSED = examples.error("The configuration cannot be trained", "there is no configuration 'sampel'; did you mean sample?")
QUEUED = {**LOGGED, **dict.fromkeys(("step", "steps", "epoch", "epochs", "started_at", "run")), "state": "queued", "attempts": 0}
ACCEPTED = {**QUEUED, "metrics": {}, "log_tail": ""}

router = APIRouter(prefix=WHERE, tags=["training jobs"], responses=examples.errors(400, 422), dependencies=[KEY])
JobId = Annotated[str, Path(alias="job_id", max_length=100, examples=[ID])]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]
Key = Annotated[str | None, Header(alias="Idempotency-Key", max_length=200, description="The same key and body again give the same job.")]


class NewJob(BaseModel):
    """What to train."""

    model_config = ConfigDict(extra="forbid")

    config: Annotated[str, Field(max_length=100, description="The name of a file in the server's configs/.")]
    overrides: Annotated[
        list[str] | dict[str, Any], Field(description="`section.key=value` texts, or an object from dotted keys to values.")
    ] = []
    name: Annotated[str | None, Field(max_length=100, description="What the tagger is called.")] = None

    @property
    def all_overrides(self) -> list[str] | dict[str, Any]:
        if self.name is None:
            return self.overrides
        if isinstance(self.overrides, dict):
            return {**self.overrides, "name": self.name}
        return [*self.overrides, f"name={json.dumps(self.name, ensure_ascii=False)}"]


@router.post(
    "",
    status_code=202,
    summary="Queue a training",
    responses={202: examples.json_body("The job; its address is in `Location`", ACCEPTED), 400: REFUSED, 409: REUSED},
)
async def submit(
    request: Request, response: Response, asked: Annotated[NewJob, Body(examples=[REQUEST])], idempotency_key: Key = None
) -> dict[str, Any]:
    """A worker takes it when it is free; what data may be named lies under the data roots."""
    context = context_of(request)
    who = caller_of(request)
    job = await in_thread(
        context.jobs.submit, asked.config, asked.all_overrides, who, idempotency_key, check=lambda made, base: _check(context, made, base)
    )
    response.headers["Location"] = f"{WHERE}/{job.id}"
    return job.as_json()


@router.get(
    "",
    summary="Trainings, the newest first",
    responses={200: examples.json_body("A page of jobs, without their logs", {"items": [SHOWN], "total": 1, "page": 1, "page_size": 100})},
)
async def listed(
    request: Request,
    state: Annotated[State | None, Query(description="Only those in it.")] = None,
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    page_size: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Trainings by hand are among them."""
    found = await in_thread(context_of(request).jobs.list, state, page, page_size)
    items = [job.as_json(log=False) for job in found.items]
    return {"items": items, "total": found.total, "page": found.page, "page_size": found.page_size}


@router.get("/{job_id}", summary="How far a training is", responses={200: examples.json_body("The job", LOGGED), 404: MISSING})
async def one(request: Request, job_id: JobId) -> dict[str, Any]:
    """Its state, epoch, step, latest metrics and the end of its log; its model once there is one."""
    return (await in_thread(context_of(request).jobs.get, job_id)).as_json()


@router.delete(
    "/{job_id}",
    summary="Cancel a training",
    responses={
        200: examples.json_body("The job as it is now", {**LOGGED, "cancel_requested": True}),
        404: MISSING,
        409: ENDED,
    },
)
async def cancel(request: Request, job_id: JobId) -> dict[str, Any]:
    """One that waits is cancelled at once; one that runs stops within seconds, and its state says so then."""
    return (await in_thread(context_of(request).jobs.cancel, job_id, caller_of(request))).as_json()


def _check(context: Context, made: Config, base: Config) -> None:
    refuse_foreign_paths(made, context.config.data_roots, base)
