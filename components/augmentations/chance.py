"""The one place where probabilities are handled: which items of a batch an augmentation reaches."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from components.augmentations.contract import Augmentation, Batch, Draws


@dataclass(frozen=True)
class Chance:
    """An augmentation that reaches each item of a batch with a probability of its own."""

    augmentation: Augmentation
    probability: float

    def __call__(self, batch: Batch, generator: Generator) -> Batch:
        """Draw and apply.

        Args:
            generator: on the CPU. Seeded alike, it gives the same draws whatever the device; under DDP, seed it with the rank as well,
                and with the epoch or step, so that processes and epochs differ.
        """
        reached = torch.rand(len(batch), generator=generator) < self.probability
        draws = self.augmentation.draw(batch, generator)  # also where none is reached: the generator moves alike at any probability
        if not bool(reached.any()):
            return batch
        if bool(reached.all()):
            return self.augmentation.apply(batch, draws)
        return (
            _joined(self.augmentation, batch, draws, reached)
            if self.augmentation.joins
            else _apart(self.augmentation, batch, draws, reached)
        )


def _joined(augmentation: Augmentation, batch: Batch, draws: Draws, reached: Tensor) -> Batch:
    """Every item is changed, since each may be another's partner, and those that were reached are kept."""
    changed = augmentation.apply(batch, draws)
    chosen = reached.to(batch.inputs.device)
    return Batch(
        _where(chosen, changed.inputs, batch.inputs),
        _where(chosen, changed.targets, batch.targets),
        _where(chosen, changed.mask, batch.mask),
    )


def _apart(augmentation: Augmentation, batch: Batch, draws: Draws, reached: Tensor) -> Batch:
    """Only the items that were reached are worked on; which they are is known on the CPU, so the device need not be asked."""
    places = reached.nonzero()[:, 0]
    rows = places.to(batch.inputs.device)
    part = Batch(batch.inputs[rows], batch.targets[rows], batch.mask[rows])
    changed = augmentation.apply(part, {key: draw[places] for key, draw in draws.items()})
    return Batch(batch.inputs.index_copy(0, rows, changed.inputs), batch.targets, batch.mask)


def _where(chosen: Tensor, changed: Tensor, kept: Tensor) -> Tensor:
    return torch.where(chosen.view(-1, *[1] * (kept.dim() - 1)), changed, kept)
