"""The bodies of the routes of the registry and of reviews, as the OpenAPI document describes them."""

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from bentos import examples


class Body(BaseModel):
    """What a client sends: an unknown field is an error."""

    model_config = ConfigDict(extra="forbid")


class ClassMetrics(BaseModel):
    precision: float
    recall: float
    f1_score: float
    support: int


class EvalMetrics(BaseModel):
    """Of the split that `split` names; a label without support has 0.0."""

    precision: float
    recall: float
    f1_score: float
    per_class: dict[str, ClassMetrics]
    split: str


class Model(BaseModel):
    """A registered model."""

    model_config = ConfigDict(json_schema_extra={"example": examples.MODEL}, protected_namespaces=())

    id: str
    key: str
    name: str
    description: str
    digest: str
    artifact_types: list[str]
    task: str
    training_job_id: str | None
    is_active: bool
    archived_at: str | None
    created_at: str
    eval_metrics: EvalMetrics
    data_digest: str
    decision: dict[str, Any] | None
    aliases: list[str]


class ModelPage(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": examples.PAGE})

    items: list[Model]
    total: int
    page: int
    page_size: int


class DatasetItem(Body):
    """A data set: `dataset_type` says how its labels are read, `""` only loads the audio."""

    model_config = ConfigDict(json_schema_extra={"example": {"dataset_type": "irmastest", "dataset_path": "data/irmas/test"}})

    dataset_type: Annotated[str, Field(max_length=50)]
    dataset_path: Annotated[str, Field(min_length=1, max_length=4096)]


class ModelChange(Body):
    """What may be changed; what is left out stays."""

    model_config = ConfigDict(json_schema_extra={"example": {"name": "instruments-v2", "description": "Trained on IRMAS, EQ and pitch"}})

    name: Annotated[str, Field(max_length=200)] | None = None
    description: Annotated[str, Field(max_length=20_000)] | None = None
    is_active: bool | None = None


class Reason(Body):
    """Why; it goes into the audit trail."""

    model_config = ConfigDict(json_schema_extra={"example": {"reason": "better on quiet recordings"}})

    reason: Annotated[str, Field(max_length=2000)] = ""


class Comparison(Body):
    """Which models to put side by side."""

    model_config = ConfigDict(json_schema_extra={"example": {"models": ["production", "latest"]}})

    models: Annotated[list[Annotated[str, Field(max_length=300)]], Field(min_length=2, max_length=20)]


class Compared(BaseModel):
    id: str
    key: str
    name: str
    split: str
    data_digest: str
    precision: float
    recall: float
    f1_score: float
    f1_difference: Annotated[float, Field(description="Macro F1 minus that of the first model.")]
    per_class_f1: dict[str, float]


class ComparisonTable(BaseModel):
    """`comparable` where all were judged on the same clips: other data give other figures."""

    model_config = ConfigDict(json_schema_extra={"example": {"items": [examples.COMPARED], "comparable": True}})

    items: list[Compared]
    comparable: bool


class AuditItem(BaseModel):
    at: str
    who: str
    action: str
    model_id: str | None
    detail: dict[str, Any]


class Audit(BaseModel):
    model_config = ConfigDict(json_schema_extra={"example": {"items": [examples.AUDITED]}})

    items: list[AuditItem]


class NewReview(Body):
    """What a person heard: `labels` are true, and all others of the model's are false."""

    model_config = ConfigDict(json_schema_extra={"example": examples.NEW_REVIEW})

    labels: Annotated[list[Annotated[str, Field(max_length=200)]], Field(max_length=1000)]
    sampled_p: Annotated[float | None, Field(ge=0, le=1, description="As the review queue gave it.")] = None
    replace: Annotated[bool, Field(description="Correct a review that is there; the audit trail keeps the old one.")] = False
    opinion_shown: Annotated[bool | None, Field(description="Whether the person had seen what the model heard; null: not known.")] = None


class Reviewed(BaseModel):
    """A review."""

    model_config = ConfigDict(json_schema_extra={"example": examples.REVIEW})

    prediction_id: str
    model: str
    content: str
    labels: list[str]
    reviewer: str
    at: str
    sampled_p: float | None
    opinion_shown: bool | None


class ToReview(BaseModel):
    """A clip to review; `label` is the one that the model is least sure of, `distance` that of its score from its threshold, in logits."""

    prediction_id: str
    at: str
    content: str
    scores: dict[str, float | None]
    decisions: list[str]
    label: str | None
    distance: float | None
    sampled_p: Annotated[float | None, Field(description="Where the clip was drawn by lot; send it back with the review.")]
    audio: str


class ReviewQueue(BaseModel):
    """The next clips to review, of `waiting` ones."""

    model_config = ConfigDict(json_schema_extra={"example": examples.QUEUE})

    model: str
    waiting: int
    items: list[ToReview]


class Share(BaseModel):
    """A share and its interval; null, 0 and 1 where nothing is known."""

    value: float | None
    low: float
    high: float


class LabelPerformance(BaseModel):
    """Of one label; `heard` and `found` count clips of the sample that a person and the model found it in."""

    label: str
    heard: int
    found: int
    precision: Share
    recall: Share
    f1: Share


class LivePerformance(BaseModel):
    """How good a model is by the reviews that were drawn by lot: `sample` of them, which speak for `contents`."""

    model_config = ConfigDict(json_schema_extra={"example": examples.PERFORMANCE})

    model: str
    contents: int
    sample: int
    other: Annotated[int, Field(description="Reviews of clips that were not drawn, which the estimate leaves out.")]
    missing: Annotated[int, Field(description="Clips that were drawn and not reviewed.")]
    unseen: Annotated[int, Field(description="Clips of weeks of which none was drawn and reviewed; the estimate does not speak for them.")]
    confidence: float
    macro_f1: Share
    labels: list[LabelPerformance]


class RatesOfPeriod(BaseModel):
    """Of a day or a week, UTC; each content counts once."""

    start: str
    clips: int
    rates: dict[str, Share]


class DetectionRates(BaseModel):
    """Label by label, in which share of the clips it was found, the oldest period first."""

    model_config = ConfigDict(json_schema_extra={"example": examples.RATES})

    model: str
    every: str
    items: list[RatesOfPeriod]
