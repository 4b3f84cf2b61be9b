"""What the service's answers hold, as frozen dataclasses; times are aware datetimes. Fields that a newer service adds are left out."""

import functools
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from timbre.client.errors import NoAnswer

T = TypeVar("T")
LABELS = "instruments/"
ENDED = ("succeeded", "failed", "cancelled")


@dataclass(frozen=True)
class Clip:
    """What a model hears in one clip.

    Args:
        name: as the caller named the file, or the service's name of it: its stem, with parent folders where stems clash.
        labels: label code -> 0 or 1, or its probability; empty where the clip could not be read.
        error: why it could not be read.
    """

    name: str
    labels: dict[str, float]
    error: str | None = None

    @classmethod
    def of(cls, name: str, answer: Mapping[str, Any]) -> "Clip":
        error = answer.get("error")
        return cls(name, {}, error) if isinstance(error, str) else cls(name, dict(answer))


@dataclass(frozen=True)
class TestResult:
    """How a model did on data sets; None where they bring no labels.

    Args:
        label_metrics: `instruments/cello_f1` and so on, where they were asked for.
        clips: what the model heard; of a stream, they came before.
    """

    __test__ = False  # it is none of pytest's

    accuracy: float | None
    hamming_distance: float | None
    f1: float | None
    precision: float | None
    recall: float | None
    label_metrics: dict[str, float | None]
    clips: tuple[Clip, ...] = ()

    @classmethod
    def of(cls, answer: Mapping[str, Any]) -> "TestResult":
        known = {name: answer[name] for name in ("accuracy", "hamming_distance", "f1", "precision", "recall")}
        labels = {name: value for name, value in answer.items() if name.startswith(LABELS)}
        return cls(**known, label_metrics=labels, clips=clips_of(answer.get("predictions", {})))


@dataclass(frozen=True)
class ClassMetrics:
    """Of one label; `support` is the number of clips that have it."""

    precision: float
    recall: float
    f1_score: float
    support: int


@dataclass(frozen=True)
class EvalMetrics:
    """Macro averages and each label's, on the split that `split` names."""

    precision: float
    recall: float
    f1_score: float
    per_class: dict[str, ClassMetrics]
    split: str


@dataclass(frozen=True)
class Model:
    """A registered model; `key` (name@digest8), `id`, `digest` or one of `aliases` name it in every call."""

    id: str
    key: str
    name: str
    description: str
    digest: str
    artifact_types: tuple[str, ...]
    task: str
    training_job_id: str | None
    is_active: bool
    archived_at: datetime | None
    created_at: datetime
    eval_metrics: EvalMetrics
    data_digest: str
    decision: dict[str, Any] | None
    aliases: tuple[str, ...]


@dataclass(frozen=True)
class Compared:
    """A model in a comparison; `f1_difference` is its macro F1 minus that of the first."""

    id: str
    key: str
    name: str
    split: str
    data_digest: str
    precision: float
    recall: float
    f1_score: float
    f1_difference: float
    per_class_f1: dict[str, float]


@dataclass(frozen=True)
class Comparison:
    """Models side by side; `comparable` where all were judged on the same clips."""

    items: tuple[Compared, ...]
    comparable: bool


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, and when."""

    at: datetime
    who: str
    action: str
    model_id: str | None
    detail: dict[str, Any]


@dataclass(frozen=True)
class Job:
    """A training job; `model` (name@digest8) is there once it has succeeded, `log_tail` where one job was asked for."""

    id: str
    state: str
    config: str
    owner: str
    by_hand: bool
    attempts: int
    cancel_requested: bool
    step: int | None
    steps: int | None
    epoch: int | None
    epochs: int | None
    overrides: tuple[str, ...]
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    run: str | None
    error: str | None
    model_id: str | None
    model: str | None
    metrics: dict[str, Any] = field(default_factory=dict)
    log_tail: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether it has succeeded, failed or was cancelled."""
        return self.state in ENDED


@dataclass(frozen=True)
class Review:
    """What a person heard in a clip; the model's other labels are false."""

    prediction_id: str
    model: str
    content: str
    labels: tuple[str, ...]
    reviewer: str
    at: datetime
    sampled_p: float | None
    opinion_shown: bool | None = None


@dataclass(frozen=True)
class ToReview:
    """A clip to review; `label` is the one that the model is least sure of. A review of it sends `sampled_p` back."""

    prediction_id: str
    at: datetime
    content: str
    scores: dict[str, float | None]
    decisions: tuple[str, ...]
    label: str | None
    distance: float | None
    sampled_p: float | None
    audio: str


@dataclass(frozen=True)
class Share:
    """A share and its interval; None, 0 and 1 where nothing is known."""

    value: float | None
    low: float
    high: float


@dataclass(frozen=True)
class LabelPerformance:
    """Of one label; `heard` and `found` count clips that a person and the model found it in."""

    label: str
    heard: int
    found: int
    precision: Share
    recall: Share
    f1: Share


@dataclass(frozen=True)
class Performance:
    """How good a model is: `sample` reviews of clips that were drawn by lot speak for `contents` of them."""

    model: str
    contents: int
    sample: int
    other: int
    missing: int
    unseen: int
    confidence: float
    macro_f1: Share
    labels: tuple[LabelPerformance, ...]


@dataclass(frozen=True)
class Rates:
    """Of a day or a week: how many clips there were, and label -> the share of them in which it was found."""

    start: datetime
    clips: int
    rates: dict[str, Share]


@dataclass(frozen=True)
class Page(Generic[T]):
    """Some of what was asked for, and how many there are in all."""

    items: tuple[T, ...]
    total: int
    page: int
    page_size: int


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def reader(kind: type[T]) -> Callable[[Any], T]:
    """Reads JSON values as a dataclass."""
    return functools.partial(_read, kind)


def _read(kind: type[T], value: Any) -> T:
    try:
        found: T = _adapter(cast(Hashable, kind)).validate_python(value)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "its body"
        raise NoAnswer(f"the answer is none of this service's: {where}: {first['msg']}; see that the URL names it") from None
    return found


def clips_of(answer: Mapping[str, Mapping[str, Any]]) -> tuple[Clip, ...]:
    """Clips of name -> label -> number."""
    return tuple(Clip.of(name, one) for name, one in answer.items())


def named_clips(names: Iterable[str], answer: Any) -> list[Clip]:
    """Clips of a list in the order of the names."""
    return [Clip.of(name, one) for name, one in zip(names, answer, strict=True)]
