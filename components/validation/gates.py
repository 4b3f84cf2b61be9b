"""What a failed gate means, in sentences that say what, where and what to do."""

from typing import Literal

import pandas as pd

from components.config import DataConfig
from components.datasets import SPLITS, Gathered, too_many_bad
from components.validation.tables import Tables

Gate = Literal["bad", "manifest", "splits", "labels", "classes", "groups", "recordings"]
SAID = 5
"""How many of a kind a sentence or a list of sentences names; the page lists the rest."""


def explain(gate: Gate, gathered: Gathered, tables: Tables, data: DataConfig) -> list[str]:
    """The sentences for a gate that failed."""
    if gate == "bad":
        sentence = too_many_bad(gathered.bad, len(gathered.manifest), data.max_bad_fraction)
        return [sentence] if sentence else []
    if gate == "splits":
        return [f"no clip is left for {split}: name data for it, or more groups to take its share from" for split in _empty(tables, data)]
    if gate == "labels":
        return [_unknown_labels(gathered, tables)]
    if gate == "classes":
        return [_classes(gathered, tables)]
    if gate == "groups":
        return _leaks(tables.groups, "group", "groups", "keep a group in one split, or name the groups apart")
    if gate == "recordings":
        return _leaks(tables.recordings, "sha256", "recordings", "leave one of them out")
    return ["a row of the manifest is not as it must be: the report names the expectation that failed"]


def wanted_splits(data: DataConfig) -> list[str]:
    """Splits that must hold clips: those that the configuration names or takes a share for."""
    shares = {"train": 0.0, "val": data.val_share, "test": data.test_share}
    return [split for split in SPLITS if getattr(data, split) or (data.train and shares[split] > 0)]


def leaks(table: pd.DataFrame, column: str) -> list[tuple[str, str]]:
    """What is in two splits or more: (its name, "path (train) and path (val)")."""
    places: dict[str, list[str]] = {}
    for name, path, split in zip(table[column], table["path"], table["split"], strict=True):
        places.setdefault(str(name), []).append(f"{path} ({split})")
    return [(name, " and ".join(where)) for name, where in places.items() if len(where) > 1]


def _empty(tables: Tables, data: DataConfig) -> list[str]:
    return [split for split in wanted_splits(data) if split not in set(tables.clips["split"])]


def _unknown_labels(gathered: Gathered, tables: Tables) -> str:
    strange = tables.labels[~tables.labels["label"].isin(gathered.manifest.label_set.codes)].iloc[0]
    return f"{strange['path']} has the label {strange['label']!r}, which is not in {gathered.manifest.label_set.name}: correct it"


def _classes(gathered: Gathered, tables: Tables) -> str:
    there = set(tables.labels.loc[tables.labels["split"] == "train", "label"])
    missing = [f"{label.code} ({label.full_name})" for label in gathered.manifest.label_set.labels if label.code not in there]
    return f"train has no clip with the label {', '.join(missing)}: add clips, or train with labels that the data have"


def _leaks(table: pd.DataFrame, column: str, many: str, advice: str) -> list[str]:
    found = leaks(table, column)
    one = "group {name!r} is in two splits, as {place}" if column == "group" else "the same audio is in two splits, as {place}"
    said = [f"{one.format(name=name, place=place)}: {advice}" for name, place in found[:SAID]]
    rest = len(found) - SAID
    return said + ([f"{rest} more {many} are in two splits: the report lists them"] if rest > 0 else [])
