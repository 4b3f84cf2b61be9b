"""Labelled audio of five types, read into one manifest of clips with groups and splits.

`DATASETS` is the menu of types in `TYPE:PATH`.
"""

from components.datasets.clips import SPLITS, BadClip, too_many_bad
from components.datasets.gather import Gathered, build_manifest
from components.datasets.manifest import Manifest
from components.datasets.sources import DATASETS, parse, read_dataset, reading, resolve_labels

__all__ = [
    "DATASETS",
    "SPLITS",
    "BadClip",
    "Gathered",
    "Manifest",
    "build_manifest",
    "parse",
    "read_dataset",
    "reading",
    "resolve_labels",
    "too_many_bad",
]
