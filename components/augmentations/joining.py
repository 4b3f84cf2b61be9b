"""What SUM and CONCAT share: whom an item is joined with, and what is then known of its labels."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from components.augmentations.contract import Batch

AUDIBLE_RMS = 1e-3  # -60 dB of full scale: scaling what is quieter to equal loudness would raise its noise


def draw_partners(size: int, extra: int, generator: Generator) -> Tensor:
    """[size, extra]: other places in a batch of `size` items for each, none twice."""
    others = torch.rand(size, max(size - 1, 0), generator=generator).argsort(dim=1)[:, :extra] + 1
    return (torch.arange(size)[:, None] + others) % size


@dataclass(frozen=True)
class Known:
    """What is known of labels [batch, label]: 1 where one is known present, 1 where one is known absent."""

    present: Tensor
    absent: Tensor

    @classmethod
    def of(cls, batch: Batch) -> "Known":
        return cls(batch.targets * batch.mask, (1 - batch.targets) * batch.mask)

    def __getitem__(self, places: Tensor) -> "Known":
        return Known(self.present[places], self.absent[places])

    def join(self, other: "Known", heard: Tensor) -> "Known":
        """Present where either is, absent where both are; only in the rows where the other is `heard` [batch, 1]."""
        return Known(
            torch.where(heard, torch.maximum(self.present, other.present), self.present),
            torch.where(heard, torch.minimum(self.absent, other.absent), self.absent),
        )

    @property
    def mask(self) -> Tensor:
        return torch.maximum(self.present, self.absent)
