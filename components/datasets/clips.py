"""What a reader makes of a data set: clips with their labels, what had to be left out, and what is worth a note."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

SPLITS = ("train", "val", "test")


@dataclass(frozen=True)
class BadClip:
    """A file that is left out, and why.

    Args:
        path: as a person finds it from here.
        reason: a sentence's end: "has no label file song-1.txt".
        gated: whether it counts towards `max_bad_fraction`; files that merely lack their partner do not.
        split: as in `RawClip`.
    """

    path: str
    reason: str
    gated: bool = True
    split: str | None = None


@dataclass(frozen=True)
class RawClip:
    """A clip before its audio is looked at.

    Args:
        path: as readable from here.
        name: its path inside the data set, with / between folders; unique there.
        labels: codes that are 1.
        unknown: codes whose truth is unknown.
        group: what must stay in one split (a song, a speaker); None for a clip on its own.
        split: the data set's own, or None where it brings none.
        fold: the data set's own, or "".
    """

    path: Path
    name: str
    labels: frozenset[str] = frozenset()
    unknown: frozenset[str] = frozenset()
    group: str | None = None
    split: str | None = None
    fold: str = ""


@dataclass
class Dataset:
    """One `TYPE:PATH` as read.

    Args:
        source: TYPE.
        root: the folder that clip names are relative to.
        counted_groups: whether group names are mere numbers, which mean nothing outside this data set.
    """

    source: str
    root: Path
    clips: list[RawClip] = field(default_factory=list)
    bad: list[BadClip] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    counted_groups: bool = False


def too_many_bad(bad: Sequence[BadClip], kept: int, max_bad_fraction: float) -> str | None:
    """A sentence where more clips are left out than `data.max_bad_fraction` allows, else None.

    Args:
        bad: what is left out; only what counts is counted.
        kept: clips that are used.
    """
    counted = [clip for clip in bad if clip.gated]
    total = len(counted) + kept
    if not counted or len(counted) <= max_bad_fraction * total:
        return None
    return (
        f"{len(counted)} of {total} clips ({len(counted) / total:.1%}) cannot be used, more than data.max_bad_fraction "
        f"({max_bad_fraction:.1%}) allows; the first is {counted[0].path}, which {counted[0].reason}: mend or remove them, or raise it"
    )
