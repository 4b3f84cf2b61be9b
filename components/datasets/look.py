"""What the files themselves say: header, length and content; and what equal content means for splits."""

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, replace

from components.audio import Header, Limits, digest_of, name_of, near, probe
from components.config import DataConfig
from components.datasets.clips import BadClip
from components.datasets.files import shown
from components.datasets.sections import Listed
from components.datasets.splits import shares_of, split_groups
from components.errors import AudioError


@dataclass(frozen=True)
class LookedAt:
    """A listed clip and what its file says; sha256 is of the whole file."""

    clip: Listed
    header: Header
    sha256: str


def look(clip: Listed, limits: Limits, min_duration_s: float) -> LookedAt | BadClip:
    """Look at a clip's file; the header first, as `probe` refuses what cannot be opened safely. Decoding it is for the store."""
    path = clip.raw.path
    if shown(path) != name_of(path):
        return BadClip(shown(path), "lies in a folder whose name is not UTF-8: rename it")
    try:
        with near(path) as source:
            header = probe(source, limits)
            sha256 = digest_of(source)
    except AudioError as error:
        name = name_of(path)
        return BadClip(shown(path), str(error).removeprefix(name).strip(" :").replace(name, "it"))
    except OSError as error:
        return BadClip(shown(path), f"cannot be read: {error.strerror}")
    if header.duration_s < min_duration_s:
        return BadClip(shown(path), f"lasts {header.duration_s:.3f} s, less than data.min_duration_s ({min_duration_s:g} s)")
    return LookedAt(clip, header, sha256)


def split_off(looked: list[LookedAt], data: DataConfig) -> list[LookedAt]:
    """Give val and test their shares of train where nothing else gives them clips; groups with equal audio stay together.

    Raises:
        ConfigError: if the shares leave nothing for train.
    """
    there = {item.clip.split for item in looked}
    val, test = shares(there, data)
    if "train" not in there or val + test == 0:
        return looked
    train = [item for item in looked if item.clip.split == "train"]
    bundles = _bundles(train)
    groups: dict[str, list[frozenset[str]]] = defaultdict(list)
    for item in train:
        groups[bundles[item.clip.group]].append(item.clip.raw.labels)
    splits = split_groups(groups, shares_of(val, test), data.split_seed)
    return [
        replace(item, clip=replace(item.clip, split=splits[bundles[item.clip.group]])) if item.clip.split == "train" else item
        for item in looked
    ]


def shares(there: Collection[str], data: DataConfig) -> tuple[float, float]:
    """What val and test take of train: nothing where they are named, or there already."""
    return (
        0.0 if data.val or "val" in there else data.val_share,
        0.0 if data.test or "test" in there else data.test_share,
    )


def notes_on_duplicates(looked: list[LookedAt]) -> list[str]:
    """Equal audio inside a split; across splits it is for the gate to refuse."""
    same: dict[tuple[str, str], list[str]] = defaultdict(list)
    for item in looked:
        same[item.clip.split, item.sha256].append(shown(item.clip.raw.path))
    return [f"{' and '.join(sorted(paths))} hold the same audio, all in {split}" for (split, _), paths in same.items() if len(paths) > 1]


def _bundles(looked: list[LookedAt]) -> dict[str, str]:
    """group -> the first name of all groups that hold the same audio as it, directly or through others."""
    parent = {item.clip.group: item.clip.group for item in looked}

    def root(group: str) -> str:
        while parent[group] != group:
            group = parent[group]
        return group

    first_with: dict[str, str] = {}
    for item in looked:
        one, other = sorted((root(item.clip.group), root(first_with.setdefault(item.sha256, item.clip.group))))
        parent[other] = one
    return {group: root(group) for group in parent}
