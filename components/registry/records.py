"""What goes into the registry and what comes out: the card, the gate's decision, the model, a page of models, an audit entry."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import Any

from components.registry.tables import AuditRow, ModelRow


@dataclass(frozen=True)
class Card:
    """How a tagger did and on what: what the registry is told with the folder, and what `card.json` in the folder holds.

    Args:
        split: the split judged on; only a result on `test` may be promoted.
        data_digest: the digest of the manifest judged on.
        eval_metrics: precision, recall, f1_score (macro) and per_class {label code: precision, recall, f1_score, support}.
        details: whatever else a reader of the model's card wants to know; plain JSON values.
    """

    split: str
    data_digest: str
    eval_metrics: dict[str, Any]
    details: dict[str, Any]

    @classmethod
    def of(
        cls,
        values: Mapping[str, float],
        per_label: Iterable[Mapping[str, Any]],
        split: str,
        data_digest: str,
        details: Mapping[str, Any] | None = None,
    ) -> "Card":
        """The card of a judgement.

        Args:
            values: metrics with at least precision, recall and f1.
            per_label: rows with label, support, precision, recall and f1; a label without support counts as 0.0.
        """
        per_class = {
            str(row["label"]): {
                "precision": _number(row["precision"]),
                "recall": _number(row["recall"]),
                "f1_score": _number(row["f1"]),
                "support": int(_number(row["support"])),
            }
            for row in per_label
        }
        overall = {"precision": _number(values["precision"]), "recall": _number(values["recall"]), "f1_score": _number(values["f1"])}
        return cls(split, data_digest, {**overall, "per_class": per_class, "split": split}, plain(dict(details or {})))

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Card":
        """Raises KeyError or TypeError where a part is missing."""
        return cls(str(values["split"]), str(values["data_digest"]), dict(values["eval_metrics"]), dict(values["details"]))


@dataclass(frozen=True)
class Decision:
    """What the gate says about a new tagger, in one sentence and in figures (macro F1 and its differences, 0 to 1)."""

    promote: bool
    reason: str
    difference: float | None = None
    low: float | None = None
    high: float | None = None
    against: str | None = None  # digest of the tagger that it was compared with
    shadow: bool = False  # it passed, and has to hold on reviewed clips before it is promoted


@dataclass(frozen=True)
class RegisteredModel:
    """A model as the registry knows it; frozen at the moment of asking."""

    id: str
    name: str
    description: str
    digest: str
    labels: tuple[str, ...]
    task: str
    training_job_id: str | None
    is_active: bool
    archived_at: datetime | None
    created_at: datetime
    eval_metrics: dict[str, Any]
    split: str
    data_digest: str
    card: dict[str, Any]
    decision: Decision | None
    aliases: tuple[str, ...] = ()

    @property
    def key(self) -> str:
        """What users type: `name@digest8`."""
        return f"{self.name}@{self.digest[:8]}"

    def as_json(self) -> dict[str, Any]:
        """The model under the names of the service's routes; times are RFC 3339 in UTC."""
        return {
            "id": self.id,
            "key": self.key,
            "name": self.name,
            "description": self.description,
            "digest": self.digest,
            "artifact_types": list(self.labels),
            "task": self.task,
            "training_job_id": self.training_job_id,
            "is_active": self.is_active,
            "archived_at": None if self.archived_at is None else rfc3339(self.archived_at),
            "created_at": rfc3339(self.created_at),
            "eval_metrics": self.eval_metrics,
            "data_digest": self.data_digest,
            "decision": None if self.decision is None else asdict(self.decision),
            "aliases": list(self.aliases),
        }


@dataclass(frozen=True)
class Page:
    """Some of the models that were asked for, and how many there are in all."""

    items: tuple[RegisteredModel, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True)
class AuditEntry:
    """Who did what, when, and to which model (its id)."""

    at: datetime
    who: str
    action: str
    model_id: str | None
    detail: dict[str, Any]


def model_of(row: ModelRow, aliases: Mapping[str, str]) -> RegisteredModel:
    """The record of a row; `aliases` maps an alias to a model's id."""
    columns = {column.key: getattr(row, column.key) for column in ModelRow.__table__.columns}
    columns["labels"] = tuple(row.labels)
    columns["decision"] = None if row.decision is None else Decision(**row.decision)
    return replace(RegisteredModel(**columns), aliases=tuple(alias for alias, model_id in aliases.items() if model_id == row.id))


def entry_of(row: AuditRow) -> AuditEntry:
    return AuditEntry(row.at, row.who, row.action, row.model_id, row.detail)


def rfc3339(moment: datetime) -> str:
    """`2026-03-01T12:00:00.000Z`."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def plain(value: Any) -> Any:
    """The value as both databases take JSON: NaN and infinity become null, numpy's values plain ones."""
    if isinstance(value, Mapping):
        return {plain(str(key)): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set):
        return [plain(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode().replace("\0", "�")
    if value is None or isinstance(value, bool | int):
        return value
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return plain(str(value))


def _number(value: Any) -> float:
    number = float(value)
    return number if math.isfinite(number) else 0.0
