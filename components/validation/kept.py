"""What the suites said of tables is kept: the same tables, rules and Great Expectations need no second run, nor its seconds of import."""

import hashlib
import json
from contextlib import suppress
from dataclasses import asdict
from importlib.metadata import version
from pathlib import Path

import pandas as pd

from components.config import DataConfig
from components.datasets import DATASETS, SPLITS
from components.files import write_whole
from components.labels import LabelSet
from components.validation.gates import wanted_splits
from components.validation.outcome import Outcome
from components.validation.tables import Tables

KEPT = 10  # newest ones


def check_once(tables: Tables, labels: LabelSet, data: DataConfig, folder: Path | None) -> list[Outcome]:
    """`suites.check`, or what it said of the same.

    Args:
        folder: where answers are kept, a file each; None keeps none, and one that cannot be written keeps none either.
    """
    path = folder / f"{_key(tables, labels, data)}.json" if folder else None
    if path and (kept := _read(path)) is not None:
        return kept
    from components.validation.suites import check

    outcomes = check(tables, labels, data)
    if path:
        with suppress(OSError):  # the next run asks again
            write_whole(path, json.dumps([asdict(one) for one in outcomes]).encode())
            _forget(path.parent)
    return outcomes


def _read(path: Path) -> list[Outcome] | None:
    """What is kept; None where there is nothing, or it is damaged."""
    try:
        kept = [Outcome(**one) for one in json.loads(path.read_text(encoding="utf-8"))]
    except (OSError, ValueError, TypeError):
        return None
    whole = all(isinstance(one.failed, list) and isinstance(one.html, str) for one in kept)
    return kept if kept and whole else None


def _forget(folder: Path) -> None:
    for old in sorted(folder.glob("*.json"), key=lambda one: one.stat().st_mtime_ns)[:-KEPT]:
        old.unlink(missing_ok=True)  # another run forgets too


def _key(tables: Tables, labels: LabelSet, data: DataConfig) -> str:
    """Of all that the answer hangs on."""
    limits = data.max_bad_fraction, data.min_duration_s, wanted_splits(data), bool(data.train)
    digest = hashlib.sha256(f"{version('great-expectations')} {list(DATASETS)} {SPLITS} {limits} {labels.codes}".encode())
    for code in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(code.read_bytes())
    for name, table in vars(tables).items():
        digest.update(f"{name} {len(table)} {list(table.columns)}".encode())
        digest.update(pd.util.hash_pandas_object(table, index=False).to_numpy().tobytes())
    return digest.hexdigest()
