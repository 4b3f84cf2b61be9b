"""Train, val and test as the Config lists them: which clip belongs where, and what it is called."""

import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from components.config import DataConfig
from components.datasets.clips import BadClip, Dataset, RawClip
from components.datasets.files import shown
from components.datasets.sources import read_dataset
from components.errors import DataError
from components.labels import LabelSet

REVIEWED = "reviewed"  # the section that joins train


@dataclass(frozen=True)
class Listed:
    """A clip with its place in the manifest, its file not looked at yet.

    Args:
        reviewed: whether it is of `data.reviewed`.
    """

    raw: RawClip
    source: str
    clip_id: str
    group: str
    split: str
    reviewed: bool = False


def one_label_each(clips: Sequence[Listed]) -> tuple[list[Listed], list[BadClip]]:
    """The clips with exactly one label, and the others with what is wrong; clips of a data set without labels are left alone."""
    fit, unfit = list[Listed](), list[BadClip]()
    for clip in clips:
        codes = sorted(clip.raw.labels)
        if len(codes) == 1 or clip.source == "inference":
            fit.append(clip)
        else:
            has = f"has the labels {' and '.join(codes)}" if codes else "has no label"
            unfit.append(BadClip(shown(clip.raw.path), f"{has}, and task multiclass takes exactly one"))
    return fit, unfit


class Sections:
    """The clips of train, val and test as they are read, each with an id of its own."""

    def __init__(self, data: DataConfig, label_set: LabelSet) -> None:
        self.data, self.label_set = data, label_set
        self.clips: list[Listed] = []
        self.bad: list[BadClip] = []
        self.notes: list[str] = []
        self._read: dict[str, list[Dataset]] = {}
        self._ids: set[str] = set()
        self._roots: dict[str, Path] = {}

    def read(self, spec: str, section: str) -> None:
        """Add what `TYPE:PATH` gives to a section; one that two sections name is read once.

        Raises:
            DataError: if it cannot be read, brings no labels to train or val, or gives the section no clip.
        """
        before, aim = len(self.clips), _split_of(section)
        if spec not in self._read:
            self._read[spec] = read_dataset(spec, self.label_set)
            self.bad += [clip for dataset in self._read[spec] for clip in dataset.bad]
            self.notes += [note for dataset in self._read[spec] for note in dataset.notes]
        for dataset in self._read[spec]:
            if dataset.source == "inference" and section != "test":
                raise DataError(f"data.{section}: {spec} brings no labels: write TYPE:PATH with a type that does, such as irmastrain:PATH")
            self._add(dataset, spec, section)
        if not any(clip.split == aim for clip in self.clips[before:]):
            why = f"; {self.bad[-1].path} {self.bad[-1].reason}" if self.bad else ""
            raise DataError(f"data.{section}: {spec} gives {aim} no clip: check its type, its path and its own split{why}")

    def _add(self, dataset: Dataset, spec: str, section: str) -> None:
        aim = _split_of(section)
        splits = [clip.split or aim for clip in dataset.clips]
        taken = [split == aim or (section == "train" and not getattr(self.data, split)) for split in splits]
        clips = [clip for clip, take in zip(dataset.clips, taken, strict=True) if take]
        name = self._name(dataset.root.resolve(), {clip.name for clip in clips})
        scope = f"{dataset.source}:{name}/" if dataset.counted_groups else f"{dataset.source}:"
        for clip in clips:
            clip_id = f"{name}/{clip.name}"
            group = scope + unicodedata.normalize("NFC", clip.group) if clip.group else clip_id
            self._ids.add(clip_id)
            self.clips.append(Listed(clip, dataset.source, clip_id, group, clip.split or aim, section == REVIEWED))
        left_out = Counter(split for split, take in zip(splits, taken, strict=True) if not take)
        for split, many in left_out.items():
            if spec not in getattr(self.data, split):
                self.notes.append(f"{many} clips that {spec} itself puts into {split} are left out: data.{split} does not name it")

    def _name(self, root: Path, clips: set[str]) -> str:
        """The folder's name, with a number where another folder, or the same clips, have it already."""
        first = unicodedata.normalize("NFC", root.name or "root")
        names = (first if number == 1 else f"{first}-{number}" for number in count(1))
        name = next(
            name for name in names if self._roots.get(name, root) == root and self._ids.isdisjoint(f"{name}/{clip}" for clip in clips)
        )
        self._roots[name] = root
        return name


def _split_of(section: str) -> str:
    return "train" if section == REVIEWED else section
