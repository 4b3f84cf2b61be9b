"""What is known of a file that was scored, or could not be; and what a batch keeps of it as Parquet."""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.labels import LabelSet
from components.registry.prediction import EMBEDDING, INPUTS

WHOLE = ("sample_rate", "channels")  # of the inputs, the whole numbers
LOG = b"timbre.log"  # in a part's Parquet metadata; a part without it is to be logged
FILES = pa.schema(
    [
        ("path", pa.string()),
        ("size", pa.int64()),
        ("modified_ns", pa.int64()),
        ("content", pa.string()),
        ("scored", pa.bool_()),
        ("error", pa.string()),
    ]
)


class File(NamedTuple):
    """A file as it was listed.

    Attributes:
        path: absolute, or an `s3://` address.
        size, modified_ns: as its folder or bucket has them; -1 where it is not said.
    """

    path: str
    size: int
    modified_ns: int


@dataclass(frozen=True, eq=False, kw_only=True)
class Row:
    """A file with what came of it. A file whose content another one has, or that failed, has no scores.

    Attributes:
        content: BLAKE3 of its bytes; None where they could not be read.
        inputs: by the names of the prediction log's INPUTS.
        scores, decisions: [label].
        embedding: [32], projected.
        error: why it could not be heard.
    """

    file: File
    at: datetime
    latency_ms: float = 0.0
    content: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    scores: npt.NDArray[np.float32] | None = None
    decisions: npt.NDArray[np.bool_] | None = None
    embedding: npt.NDArray[np.float32] | None = None
    error: str | None = None


def scores_schema(label_set: LabelSet) -> pa.Schema:
    """Of a part with scores."""
    return pa.schema(
        [
            ("content", pa.string()),
            ("path", pa.string()),
            ("size", pa.int64()),
            ("modified_ns", pa.int64()),
            ("model_key", pa.string()),
            ("at", pa.timestamp("us", "UTC")),
            ("latency_ms", pa.float64()),
            *[(name, pa.int64() if name in WHOLE else pa.float64()) for name in INPUTS],
            *[(f"score_{code}", pa.float32()) for code in label_set.codes],
            *[(f"decision_{code}", pa.bool_()) for code in label_set.codes],
            ("embedding", pa.list_(pa.float32(), EMBEDDING)),
        ]
    )


def scores_table(rows: Sequence[Row], model_key: str, label_set: LabelSet, *, to_log: bool = True) -> pa.Table:
    """A part of rows that have scores.

    Args:
        to_log: whether the prediction log is to have them, whichever run writes it.
    """
    columns: dict[str, Any] = {
        "content": [row.content for row in rows],
        **_of_files(rows),
        "model_key": [model_key] * len(rows),
        "at": [row.at for row in rows],
        "latency_ms": [row.latency_ms for row in rows],
        **{name: [row.inputs.get(name) for row in rows] for name in INPUTS},
        **{
            f"score_{code}": [float(row.scores[place]) for row in rows if row.scores is not None]
            for place, code in enumerate(label_set.codes)
        },
        **{
            f"decision_{code}": [bool(row.decisions[place]) for row in rows if row.decisions is not None]
            for place, code in enumerate(label_set.codes)
        },
        "embedding": [None if row.embedding is None else row.embedding.tolist() for row in rows],
    }
    schema = scores_schema(label_set)
    return pa.table(columns, schema=schema if to_log else schema.with_metadata({LOG: b"no"}))


def is_to_log(scores: pa.Table) -> bool:
    """Whether the prediction log is to have a part's rows."""
    return LOG not in (scores.schema.metadata or {})


def files_table(rows: Sequence[Row]) -> pa.Table:
    """The same part's files."""
    columns = {
        **_of_files(rows),
        "content": [row.content for row in rows],
        "scored": [row.scores is not None for row in rows],
        "error": [row.error for row in rows],
    }
    return pa.table(columns, schema=FILES)


def files_of(scores: pa.Table) -> pa.Table:
    """The files that a part with scores tells of."""
    told = scores.select(["path", "size", "modified_ns", "content"])
    return told.append_column("scored", pa.array([True] * len(told))).append_column("error", pa.nulls(len(told), pa.string()))


def encoded(table: pa.Table) -> bytes:
    """A table as Parquet."""
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _of_files(rows: Sequence[Row]) -> dict[str, list[Any]]:
    return {
        "path": [row.file.path for row in rows],
        "size": [row.file.size for row in rows],
        "modified_ns": [row.file.modified_ns for row in rows],
    }
