"""One logged prediction, and how it lies in a row: what belongs to labels is packed, so that a million rows load fast."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

import numpy as np
import numpy.typing as npt

from components.registry.records import plain

FLOATS, FLAGS = np.dtype("<f4"), np.dtype("u1")
EMBEDDING = 32  # numbers of a projected embedding
INPUTS = ("duration_s", "sample_rate", "channels", "loudness_lufs", "peak_db", "silent_share", "clipped_share")
LONGEST_TEXT = 4096
Values = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False, kw_only=True)
class Prediction:
    """A clip that a model heard, or could not hear. What is not known is None.

    Attributes:
        id: a UUID, by which people may review it.
        at: when the answer was there, UTC.
        model: the tagger's digest; `model_key` is what it was called then.
        labels: codes, in the order of `scores` and `decisions`.
        content: BLAKE3 of the file's bytes.
        source: path or S3 key as the client named it, where the file still lies there.
        audio_uri: where the file's bytes are kept, if they are.
        sample_rate, channels: of the file, not of what the model heard.
        scores: [label], which may hold NaN.
        decisions: [label], true or false.
        embedding: [32], projected.
        error: the sentence that the client got instead of scores.
    """

    id: str
    at: datetime
    model: str
    model_key: str
    labels: tuple[str, ...]
    request_id: str
    caller: str
    latency_ms: float
    content: str | None = None
    source: str | None = None
    audio_uri: str | None = None
    duration_s: float | None = None
    sample_rate: int | None = None
    channels: int | None = None
    loudness_lufs: float | None = None
    peak_db: float | None = None
    silent_share: float | None = None
    clipped_share: float | None = None
    scores: Values | None = None
    decisions: npt.NDArray[np.bool_] | None = None
    embedding: Values | None = None
    error: str | None = None


APART = ("model_key", "labels")  # columns of another table
PACKED: dict[str, np.dtype[Any]] = {"scores": FLOATS, "decisions": FLAGS, "embedding": FLOATS}
TEXTS = {"request_id": 64, "caller": 200, "source": LONGEST_TEXT, "error": LONGEST_TEXT}
COLUMNS = tuple(field.name for field in fields(Prediction) if field.name not in APART)


def values_of(prediction: Prediction) -> dict[str, Any]:
    """The row's values."""
    values = {name: getattr(prediction, name) for name in COLUMNS}
    for name, kind in PACKED.items():
        if values[name] is not None:
            values[name] = np.asarray(values[name]).astype(kind).tobytes()
    for name, longest in TEXTS.items():
        if values[name] is not None:
            values[name] = plain(values[name])[:longest]
    return values


def unpacked(blobs: Sequence[bytes | None], width: int, kind: np.dtype[Any], missing: float) -> npt.NDArray[Any]:
    """[width, row] of packed values, contiguous by row; `missing` where a blob is None or of another width."""
    size = width * kind.itemsize
    known = np.array([blob is not None and len(blob) == size for blob in blobs], bool)
    found = np.full((width, len(blobs)), missing, kind)
    whole = b"".join(blob for blob, is_known in zip(blobs, known, strict=True) if is_known and blob is not None)
    found[:, known] = np.frombuffer(whole, kind).reshape(int(known.sum()), width).T
    return found
