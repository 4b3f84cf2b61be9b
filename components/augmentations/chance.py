"""The one place where probabilities are handled: which items of a batch an augmentation reaches."""

from dataclasses import dataclass

import torch
from torch import Generator, Tensor

from components.augmentations.contract import Augmentation, Batch


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
        device = batch.inputs.device
        changed = self.augmentation.apply(batch, {key: draw.to(device) for key, draw in draws.items()})
        chosen = reached.to(device)
        return Batch(
            _where(chosen, changed.inputs, batch.inputs),
            _where(chosen, changed.targets, batch.targets),
            _where(chosen, changed.mask, batch.mask),
        )


def _where(chosen: Tensor, changed: Tensor, kept: Tensor) -> Tensor:
    if changed is kept:
        return kept
    return torch.where(chosen.view(-1, *[1] * (kept.dim() - 1)), changed, kept)
