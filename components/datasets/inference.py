"""Clips without labels: a folder searched recursively, a glob, a file, or a CSV whose only required column is `file`."""

from pathlib import Path

from components.datasets.clips import BadClip, Dataset, RawClip
from components.datasets.files import find_files
from components.datasets.table import MayRead, locate, read_table
from components.labels import LabelSet


def read_inference(where: str, label_set: LabelSet, may_read: MayRead | None = None) -> Dataset:
    """Every audio file there, its labels all unknown.

    Raises:
        DataError: if nothing is there, or a CSV has no column `file`.
    """
    path = Path(where).expanduser()
    unknown = frozenset(label_set.codes)
    if path.suffix.lower() == ".csv" and path.is_file():
        return _listed(path, unknown, may_read)
    found = find_files(where)
    dataset = Dataset("inference", found.root, bad=found.bad)
    chosen = found.files if path.is_file() else found.audio
    dataset.clips = [RawClip(path, name, unknown=unknown, split="test") for path, name in chosen]
    return dataset


def _listed(path: Path, unknown: frozenset[str], may_read: MayRead | None) -> Dataset:
    table = read_table(path)
    dataset = Dataset("inference", table.path.parent)
    clips: dict[str, RawClip] = {}
    for line, row in table.rows:
        located = locate(table, row, line, may_read)
        if isinstance(located, BadClip):
            dataset.bad.append(located)
        else:
            clips.setdefault(located[1], RawClip(*located, unknown=unknown, split="test"))
    dataset.clips = list(clips.values())
    return dataset
