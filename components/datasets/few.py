"""A few clips of each kind, to try a run on."""

from collections.abc import Iterable, Sequence

from components.config import DataConfig
from components.datasets.look import shares
from components.datasets.sections import Listed

Kind = tuple[str, str, Iterable[str], str]
"""Split, fold, labels and group of a clip."""


def few(kinds: Iterable[Kind], clips_a_label: int, more: int = 1) -> list[int]:
    """Places of the first clips that carry each label in each split and fold, and of the first without any, rising.

    Of a group only one clip counts for a label, so that groups are left to take val and test from.

    Args:
        more: times as many for train.
    """
    found: dict[tuple[str, str, str], set[str]] = {}
    kept = []
    for place, (split, fold, labels, group) in enumerate(kinds):
        most = clips_a_label * (more if split == "train" else 1)
        groups = [found.setdefault((split, fold, label), set()) for label in labels or ("",)]
        if any(group not in there and len(there) < most for there in groups):
            kept.append(place)
            for there in groups:
                there.add(group)
    return kept


def few_listed(clips: Sequence[Listed], data: DataConfig, clips_a_label: int) -> list[Listed]:
    """The same of clips whose files are not looked at yet; more of train where val or test are taken from it."""
    ordered = sorted(clips, key=lambda clip: clip.clip_id)
    more = 1 + sum(share > 0 for share in shares({clip.split for clip in clips}, data))
    kinds = ((clip.split, clip.raw.fold, clip.raw.labels, clip.group) for clip in ordered)
    return [ordered[place] for place in few(kinds, clips_a_label, more)]
