"""Split clips into train, val and test: by group, stratified by label, seeded, whatever order the files come in.

Iterative stratification (Sechidis, Tsoumakas and Vlahavas, ECML 2011), with groups of clips in the place of single ones: the label
with the fewest groups left is served first, and each of its groups goes where that label is most wanted. Differences: a label's
first group goes to train, so that no class is missing there; groups too large for the smaller splits come first; the draw is a
hash of seed and group name, so it is the same on every machine.
"""

import hashlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.errors import ConfigError

Counts = npt.NDArray[np.float64]


def shares_of(val: float, test: float) -> dict[str, float]:
    """Shares of train, val and test, which are 1 together.

    Raises:
        ConfigError: if nothing is left for train.
    """
    if val + test >= 1:
        raise ConfigError(f"data.val_share {val:g} and data.test_share {test:g} leave nothing for train: lower them")
    return {"train": 1 - val - test, "val": val, "test": test}


def split_groups(groups: Mapping[str, Sequence[Collection[str]]], shares: Mapping[str, float], seed: int) -> dict[str, str]:
    """Give each group a split.

    Args:
        groups: group -> the labels of each of its clips.
        shares: split -> share of the clips; `train` is among them. A split with share 0 gets nothing.
        seed: another seed is another draw.
    Returns:
        group -> split. Each label that has a group has one in train, and no split is empty where train can spare a group.
    """
    draft = _Draft.of(groups, {split: share for split, share in shares.items() if share > 0}, seed)
    while (label := draft.scarcest_label()) is not None:
        for group in draft.waiting(label):
            draft.put(group, draft.choose(group, label))
    for group in draft.waiting(None):
        draft.put(group, draft.choose(group, None))
    draft.fill_empty()
    return {draft.names[group]: draft.splits[split] for group, split in draft.chosen.items()}


@dataclass
class _Draft:
    """The split while it is drawn.

    Args:
        counts: [group, label] clips that carry the label.
        sizes: [group] clips.
        wanted: [split, label] clips that the split still lacks; wanted_clips: [split], of any label.
        order: groups as drawn.
    """

    names: list[str]
    splits: list[str]
    counts: Counts
    sizes: Counts
    wanted: Counts
    wanted_clips: Counts
    order: list[int]
    chosen: dict[int, int]
    in_train: npt.NDArray[np.bool_]

    @classmethod
    def of(cls, groups: Mapping[str, Sequence[Collection[str]]], shares: Mapping[str, float], seed: int) -> "_Draft":
        names = sorted(groups)
        labels = sorted({label for clips in groups.values() for clip in clips for label in clip})
        places = {label: place for place, label in enumerate(labels)}
        counts = np.zeros((len(names), len(labels)))
        for row, name in enumerate(names):
            for clip in groups[name]:
                for label in set(clip):
                    counts[row, places[label]] += 1
        sizes = np.array([float(len(groups[name])) for name in names])
        share = np.array(list(shares.values()))[:, None]
        wanted, wanted_clips = share * counts.sum(0), share[:, 0] * sizes.sum()
        too_large = sizes > wanted_clips.min()
        order = sorted(range(len(names)), key=lambda row: (not too_large[row], _draw(names[row], seed)))
        train = np.zeros(len(labels), bool)
        return cls(names, list(shares), counts, sizes, wanted, wanted_clips, order, {}, train)

    def scarcest_label(self) -> int | None:
        """The label with the fewest groups left, None where no group with a label is left."""
        free = [group for group in self.order if group not in self.chosen]
        left = (self.counts[free] > 0).sum(0)
        if not left.any():
            return None
        return int(np.argmin(np.where(left > 0, left, np.inf)))

    def waiting(self, label: int | None) -> list[int]:
        """Groups without a split, as drawn; those with the label where one is given."""
        return [group for group in self.order if group not in self.chosen and (label is None or self.counts[group, label] > 0)]

    def choose(self, group: int, label: int | None) -> int:
        train = self.splits.index("train")
        if label is not None and not self.in_train[label]:
            return train
        lacks = self.wanted_clips if label is None else self.wanted[:, label]
        return max(range(len(self.splits)), key=lambda split: (lacks[split], self.wanted_clips[split], split == train))

    def put(self, group: int, split: int) -> None:
        self.chosen[group] = split
        self.wanted[split] -= self.counts[group]
        self.wanted_clips[split] -= self.sizes[group]
        if self.splits[split] == "train":
            self.in_train |= self.counts[group] > 0

    def fill_empty(self) -> None:
        """Where the shares are less than a group, give an empty split the smallest group of train whose labels stay there."""
        train = self.splits.index("train")
        for split in sorted(set(range(len(self.splits))) - {*self.chosen.values(), train}):
            of_train = [group for group in self.order if self.chosen[group] == train]
            left = (self.counts[of_train] > 0).sum(0)
            spare = [group for group in of_train if (left > (self.counts[group] > 0)).all() and len(of_train) > 1]
            if spare:
                self.chosen[min(spare, key=lambda group: self.sizes[group])] = split


def _draw(name: str, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest()
