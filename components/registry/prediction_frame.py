"""Logged predictions as one wide table, read in chunks: packed columns become numbers without a Python object each."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from sqlalchemy import Select
from sqlalchemy.orm import Session

from components.registry.prediction import EMBEDDING, FLAGS, FLOATS, INPUTS, unpacked

CHUNK = 10_000  # rows
TEXTS = ("id", "request_id", "caller", "content", "source", "audio_uri", "error")
NUMBERS = (*INPUTS, "latency_ms")
Block = npt.NDArray[Any]


def frame_of(session: Session, query: "Select[Any]", model: str, labels: Sequence[str]) -> pd.DataFrame:
    """The rows of a query over the table of predictions; see `Predictions.frame`."""
    texts: dict[str, list[pa.Array]] = {name: [] for name in TEXTS}
    blocks: dict[str, list[Block]] = {name: [] for name in ("at", "numbers", "scores", "decisions", "embedding")}
    rows = session.connection().execution_options(yield_per=CHUNK).execute(query)
    for part in rows.partitions(CHUNK):
        columns = dict(zip(rows.keys(), zip(*part, strict=True), strict=True))
        for name in TEXTS:
            texts[name].append(pa.array(columns[name], pa.large_string()))
        blocks["at"].append(np.array([moment.replace(tzinfo=None) for moment in columns["at"]], "datetime64[us]"))
        blocks["numbers"].append(np.array([columns[name] for name in NUMBERS], float))
        blocks["scores"].append(unpacked(columns["scores"], len(labels), FLOATS, np.nan))
        blocks["decisions"].append(unpacked(columns["decisions"], len(labels), FLAGS, 0).view(np.int8))
        blocks["embedding"].append(unpacked(columns["embedding"], EMBEDDING, FLOATS, np.nan))
    at = _joined(blocks["at"], np.empty(0, "datetime64[us]"))
    one_model = pd.Categorical.from_codes(np.zeros(len(at), np.int8), pd.Index([model]))
    tables = [
        pd.DataFrame({"at": pd.DatetimeIndex(at, tz="UTC"), "model": one_model}),
        pd.DataFrame({name: _text(texts.pop(name)) for name in TEXTS}),
        _table(blocks.pop("numbers"), NUMBERS, float),
        _table(blocks.pop("scores"), [f"score_{code}" for code in labels], np.float32),
        _table(blocks.pop("decisions"), [f"decision_{code}" for code in labels], np.int8),
        _table(blocks.pop("embedding"), [f"embedding_{place:02d}" for place in range(EMBEDDING)], np.float32),
    ]
    return pd.concat(tables, axis=1)


def _joined(parts: list[Block], empty: Block) -> Block:
    return np.concatenate(parts, axis=-1) if parts else empty


def _table(parts: list[Block], names: Sequence[str], kind: Any) -> pd.DataFrame:
    """[column, row] parts as columns that share one block; the parts are given up."""
    whole = _joined(parts, np.empty((len(names), 0), kind))
    parts.clear()
    return pd.DataFrame(whole.T, columns=list(names), copy=False)


def _text(parts: list[pa.Array]) -> "pd.Series[Any]":
    return pd.Series(pa.chunked_array(parts, pa.large_string()), dtype="str")
