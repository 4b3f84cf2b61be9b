"""The manifest: one row a clip, with a digest that is the same wherever the files lie."""

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import DataError
from components.labels import Label, LabelSet

FORMAT_VERSION = 1
SCHEMA = pa.schema(
    [
        ("clip_id", pa.string()),
        ("path", pa.string()),
        ("sha256", pa.string()),
        ("duration_s", pa.float64()),
        ("sample_rate", pa.int64()),
        ("channels", pa.int64()),
        ("labels", pa.list_(pa.string())),
        ("unknown", pa.list_(pa.string())),
        ("group", pa.string()),
        ("split", pa.string()),
        ("source", pa.string()),
        ("fold", pa.string()),
    ]
)
_KEY = b"timbre"


@dataclass(frozen=True)
class Manifest:
    """Clips and the label set that their labels come from.

    Args:
        frame: the columns of SCHEMA, a row a clip, in the order of `clip_id`; `labels` and `unknown` hold lists of codes in
            the label set's order. Not to be changed in place.
    """

    frame: pd.DataFrame
    label_set: LabelSet

    @classmethod
    def of_rows(cls, rows: Sequence[Mapping[str, Any]], label_set: LabelSet) -> "Manifest":
        """A manifest of rows in any order."""
        ordered = sorted(rows, key=lambda row: str(row["clip_id"]))
        return cls(pd.DataFrame({name: [row[name] for row in ordered] for name in SCHEMA.names}), label_set)

    def __len__(self) -> int:
        return len(self.frame)

    @cached_property
    def digest(self) -> str:
        """sha256 over the label set and every row but its `path`."""
        columns = [name for name in SCHEMA.names if name != "path"]
        lists = [self.frame[name].tolist() for name in columns]
        rows = sorted([json.dumps(_plain(row), separators=(",", ":")) for row in zip(*lists, strict=True)])
        head = json.dumps([FORMAT_VERSION, columns, asdict(self.label_set)], sort_keys=True, separators=(",", ":"))
        return hashlib.sha256("\n".join([head, *rows]).encode()).hexdigest()

    def targets(self, split: str | None = None) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """0/1 targets and a mask that is 1 where the truth is known, each [clip, label]."""
        frame = self.frame if split is None else self.frame[self.frame["split"] == split]
        shape = (len(frame), len(self.label_set))
        targets, mask = np.zeros(shape, np.float32), np.ones(shape, np.float32)
        for row, (labels, unknown) in enumerate(zip(frame["labels"], frame["unknown"], strict=True)):
            targets[row] = self.label_set.vector(labels)
            mask[row] -= self.label_set.vector(unknown)
        return targets, mask

    def of(self, split: str) -> "Manifest":
        """The clips of one split."""
        return Manifest(self.frame[self.frame["split"] == split].reset_index(drop=True), self.label_set)

    def write(self, path: Path | str) -> Path:
        """Write Parquet, whole or not at all; the label set goes with it."""
        path = Path(path)
        meta = {"format_version": FORMAT_VERSION, "label_set": asdict(self.label_set)}
        schema = SCHEMA.with_metadata({_KEY: json.dumps(meta).encode()})
        table = pa.Table.from_pydict({name: self.frame[name].tolist() for name in SCHEMA.names}, schema=schema)
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, beside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
        os.close(handle)
        try:
            pq.write_table(table, beside)
            Path(beside).replace(path)
        except BaseException:
            Path(beside).unlink(missing_ok=True)
            raise
        return path

    @classmethod
    def read(cls, path: Path | str) -> "Manifest":
        """Read what `write` wrote.

        Raises:
            DataError: if it is missing, damaged or of another version.
        """
        try:
            table = pq.read_table(path)
            meta = json.loads((table.schema.metadata or {})[_KEY])
        except (OSError, KeyError, ValueError) as error:
            reason = "is not there" if isinstance(error, FileNotFoundError) else "is damaged or no manifest"
            raise DataError(f"{path} {reason}: run validate again") from None
        if meta["format_version"] != FORMAT_VERSION or table.schema.names != SCHEMA.names:
            raise DataError(f"{path} is a manifest of version {meta['format_version']}, not {FORMAT_VERSION}: run validate again")
        labels = tuple(Label(**label) for label in meta["label_set"]["labels"])
        frame = pd.DataFrame({name: table.column(name).to_pylist() for name in SCHEMA.names})
        return cls(frame, LabelSet(meta["label_set"]["name"], labels))


def _plain(row: Sequence[Any]) -> list[Any]:
    """Durations rounded to the microsecond, as libsndfile versions may differ in the last bit."""
    return [round(value, 6) if isinstance(value, float) else value for value in row]
