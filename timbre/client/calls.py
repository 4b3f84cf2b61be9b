"""Every request that the service takes, described once for both clients: what is sent, what is made of the answer, whether to repeat."""

# ruff: noqa: PT028 - `test` is none of pytest's

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import PurePath
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import quote

from components.errors import DataError
from timbre.client.answers import (
    AuditEntry,
    Clip,
    Comparison,
    Job,
    Model,
    Page,
    Performance,
    Rates,
    Review,
    TestResult,
    ToReview,
    clips_of,
    named_clips,
    reader,
)
from timbre.client.uploads import FIELD, File, parts

T = TypeVar("T")
PRODUCTION = "production"
MODELS, JOBS, PREDICTIONS = "/api/v1/models", "/api/v1/training-jobs", "/api/v1/predictions"
Sort = Literal["created_at", "-created_at", "name", "-name", "f1_score", "-f1_score"]
State = Literal["queued", "running", "succeeded", "failed", "cancelled"]


@dataclass(frozen=True)
class Call(Generic[T]):
    """One request.

    Args:
        read: makes the result of the answer's JSON.
        repeatable: whether asking twice does no more than asking once.
    """

    method: str
    path: str
    read: Callable[[Any], T]
    params: Mapping[str, Any] = field(default_factory=dict)
    json: Any = None
    files: Sequence[tuple[str, Any]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = True

    def request(self) -> dict[str, Any]:
        """As httpx's `build_request` takes it."""
        params = {name: value for name, value in self.params.items() if value is not None}
        files = [(FIELD, (PurePath(name).name, content)) for name, content in self.files] or None
        return {"method": self.method, "url": self.path, "params": params, "json": self.json, "files": files, "headers": self.headers}


def models() -> Call[list[str]]:
    """What the calls below take as `model`: `production`, `latest` and `name@digest8`."""
    return Call("GET", "/models", reader(list[str]))


def dataset_types() -> Call[list[str]]:
    """What `test` takes as the type of a data set."""
    return Call("GET", "/dataset-types", reader(list[str]))


def predict(files: File | Iterable[File], model: str = PRODUCTION, scores: bool = False) -> Call[list[Clip]]:
    """Hear files of this machine, in their order.

    Args:
        files: paths, bytes or open binary files, or one of these.
        scores: probabilities instead of 0 or 1.
    Raises:
        DataError: if there are none, or a path is no file.
        ServiceError: if the service refuses, or not one file can be read.
    """
    sent = parts(files)
    read = partial(named_clips, [name for name, _ in sent])
    return Call("POST", "/model/predict-files", read, _of(model, scores), files=sent)


def predict_directory(paths: Sequence[str], model: str = PRODUCTION, scores: bool = False) -> Call[list[Clip]]:
    """Hear files, folders or `s3://` keys that lie where the service may read."""
    return Call("POST", "/model/predict-directory", _clips, _of(model, scores), _paths(paths))


def stream_directory(paths: Sequence[str], model: str = PRODUCTION, scores: bool = False) -> Call[None]:
    """The same, each clip as soon as it was heard; nothing is sent before the first one is asked for.

    Raises:
        ServiceError: where the service fails on its way, or the stream breaks off.
    """
    return Call("POST", "/model/predict-directory-stream", _nothing, _of(model, scores), _paths(paths))


def test(datasets: Sequence[tuple[str, str]], model: str = PRODUCTION, label_metrics: bool | None = None) -> Call[TestResult]:
    """How good a model is on data sets that lie where the service may read.

    Args:
        datasets: (type, path) of each; the type `""` only loads the audio.
        label_metrics: metrics of each label too; None leaves it to the service.
    """
    return Call("POST", "/model/test-directory", TestResult.of, _asked(model, label_metrics), _sets(datasets))


def stream_test(datasets: Sequence[tuple[str, str]], model: str = PRODUCTION, label_metrics: bool | None = None) -> Call[TestResult]:
    """The same, each clip as soon as it was heard; `result` of the stream has the metrics at its end."""
    return Call("POST", "/model/test-directory-stream", TestResult.of, _asked(model, label_metrics), _sets(datasets))


def list_models(
    is_active: bool | None = None, label: str | None = None, sort: Sort = "-created_at", page: int = 1, page_size: int = 100
) -> Call[Page[Model]]:
    """A page of the registered models without the archived ones; `-f1_score` has the best first."""
    params = {"is_active": is_active, "label": label, "sort": sort, "page": page, "page_size": page_size}
    return Call("GET", MODELS, reader(Page[Model]), params)


def model(model: str) -> Call[Model]:
    """One model, an inactive or archived one too."""
    return Call("GET", _path(model), reader(Model))


def rename(model: str, name: str) -> Call[Model]:
    """Give a model another name; its key becomes `<name>@digest8`."""
    return _changed(model, name=name)


def describe(model: str, description: str) -> Call[Model]:
    """Say in words what a model is."""
    return _changed(model, description=description)


def activate(model: str) -> Call[Model]:
    """Let a model be used."""
    return _changed(model, is_active=True)


def deactivate(model: str) -> Call[Model]:
    """Take a model out of use, for now."""
    return _changed(model, is_active=False)


def archive(model: str) -> Call[None]:
    """Take a model out of use for good; it is kept for audit."""
    return Call("DELETE", _path(model), _nothing)


def promote(model: str, reason: str = "") -> Call[Model]:
    """Put a model in production; services that run serve it within a second."""
    return Call("POST", _path(model, "promote"), reader(Model), json={"reason": reason}, repeatable=False)


def roll_back(reason: str = "") -> Call[Model]:
    """Put back what was in production before."""
    return Call("POST", f"{MODELS}/rollback", reader(Model), json={"reason": reason}, repeatable=False)


def compare(models: Sequence[str]) -> Call[Comparison]:
    """Two models or more side by side, each with its difference from the first."""
    return Call("POST", f"{MODELS}/compare", reader(Comparison), json={"models": _texts(models)})


def audit(model: str, limit: int = 100) -> Call[list[AuditEntry]]:
    """Who did what to a model, the newest first."""
    return Call("GET", _path(model, "audit"), lambda answer: reader(list[AuditEntry])(_items(answer)), {"limit": limit})


def train(
    config: str, overrides: Sequence[str] | Mapping[str, Any] = (), name: str | None = None, idempotency_key: str | None = None
) -> Call[Job]:
    """Queue a training.

    Args:
        config: the name of a file in the service's configs/.
        overrides: `section.key=value` texts, or a mapping from dotted keys to values.
        name: what the tagger is called.
        idempotency_key: the same key and request again give the same job; one is made up, so that a repeated request queues one job.
    """
    given = dict(overrides) if isinstance(overrides, Mapping) else _texts(overrides)
    body = {"config": config, "overrides": given, **({} if name is None else {"name": name})}
    headers = {"Idempotency-Key": uuid.uuid4().hex if idempotency_key is None else idempotency_key}
    return Call("POST", JOBS, reader(Job), json=body, headers=headers)


def jobs(state: State | None = None, page: int = 1, page_size: int = 100) -> Call[Page[Job]]:
    """A page of trainings, the newest first; those by hand are among them."""
    return Call("GET", JOBS, reader(Page[Job]), {"state": state, "page": page, "page_size": page_size})


def job(job_id: str) -> Call[Job]:
    """How far a training is, with the end of its log."""
    return Call("GET", _path(job_id, under=JOBS), reader(Job))


def cancel(job_id: str) -> Call[Job]:
    """Cancel a training; one that runs stops within seconds, and its state says so then."""
    # Where the first answer was lost, a second request would be told that the job has ended.
    return Call("DELETE", _path(job_id, under=JOBS), reader(Job), repeatable=False)


def review_queue(model: str = PRODUCTION, limit: int = 20, since: str = "30d") -> Call[list[ToReview]]:
    """What to review next: the most uncertain first, and every fourth drawn by lot.

    Args:
        since: only clips that were scored from then on: 7d, 12h, 90m or 2w ago, or a date.
    """
    params = {"model": model, "limit": limit, "since": since}
    return Call("GET", "/api/v1/review-queue", lambda answer: reader(list[ToReview])(_items(answer)), params)


def review(
    prediction_id: str, labels: Sequence[str], sampled_p: float | None = None, replace: bool = False, opinion_shown: bool | None = None
) -> Call[Review]:
    """Say which labels are true of a clip; all others of its model are false.

    Args:
        sampled_p: as the review queue gave it.
        replace: correct a review that is there.
        opinion_shown: whether the person had seen what the model heard; None where that is not known.
    """
    body = {"labels": _texts(labels), "sampled_p": sampled_p, "replace": replace}
    body |= {} if opinion_shown is None else {"opinion_shown": opinion_shown}  # which an older service does not know
    return Call("POST", _path(prediction_id, "review", under=PREDICTIONS), reader(Review), json=body, repeatable=replace)


def performance(model: str = PRODUCTION, since: str = "90d") -> Call[Performance]:
    """How good a model is on what it has scored since then, by the reviews of clips that were drawn by lot."""
    return Call("GET", "/api/v1/performance", reader(Performance), {"model": model, "since": since})


def detection_rates(model: str = PRODUCTION, since: str = "30d", every: Literal["day", "week"] = "day") -> Call[list[Rates]]:
    """How often a model finds each label, the oldest period first."""
    params = {"model": model, "since": since, "every": every}
    return Call("GET", "/api/v1/detection-rates", lambda answer: reader(list[Rates])(_items(answer)), params)


def _changed(model: str, **change: Any) -> Call[Model]:
    return Call("PATCH", _path(model), reader(Model), json=change, repeatable=False)


def _of(model: str, scores: bool) -> dict[str, Any]:
    return {"model_ckpt_path": model, "scores": scores or None}


def _asked(model: str, label_metrics: bool | None) -> dict[str, Any]:
    return {"model_ckpt_path": model, "instrument_metrics": label_metrics}


def _sets(datasets: Sequence[Any]) -> list[dict[str, str]]:
    wanted = 'data sets are a list of (type, path), such as [("irmastest", "irmas/test")]'
    if isinstance(datasets, str) or any(isinstance(one, str) or len(one) != 2 for one in datasets):
        raise DataError(f"{str(datasets)[:100]} names no data sets: {wanted}")
    if not datasets:
        raise DataError(f"there is nothing to test on: {wanted}")
    return [{"dataset_type": str(kind), "dataset_path": str(path)} for kind, path in datasets]


def _texts(texts: Sequence[Any]) -> list[str]:
    if isinstance(texts, str):
        raise DataError(f"{texts!r} is one text where a list of them is wanted: put it in brackets")
    return [str(text) for text in texts]


def _paths(paths: Sequence[Any]) -> list[str]:
    if not paths:
        raise DataError("there are no paths: name files, folders or s3:// keys that the service may read")
    return _texts(paths)


def _path(key: str, *more: str, under: str = MODELS) -> str:
    if key.strip(".") == "":
        raise DataError(f"{key!r} names nothing: take a key or an id that the service has listed")
    return "/".join((under, quote(key, safe="@"), *more))


def _clips(answer: Any) -> list[Clip]:
    return list(clips_of(answer))


def _items(answer: Any) -> Any:
    return answer["items"]


def _nothing(_: Any) -> None:
    return None
