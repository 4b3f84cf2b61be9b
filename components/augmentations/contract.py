"""What every augmentation is: draws are made first, for the whole batch on the CPU, and then applied wherever the batch lies."""

from dataclasses import dataclass
from typing import Literal, Protocol

import torch
from torch import Generator, Tensor

Stage = Literal["waveform", "spectrogram"]
Draws = dict[str, Tensor]


@dataclass(frozen=True)
class Batch:
    """Inputs [batch, time] or [batch, channel, freq, frame]; targets and mask [batch, label], 0 or 1."""

    inputs: Tensor
    targets: Tensor
    mask: Tensor

    def __len__(self) -> int:
        return len(self.inputs)


class Augmentation(Protocol):
    """One transform. `draw` is the only random part; `apply` changes every item and leaves its argument untouched.

    `apply` gets the draws where they were made, on the CPU, and takes them to the batch with `beside`: what stays on the CPU can steer
    the work without waiting for the device.
    """

    stage: Stage
    joins: bool  # whether an item's result depends on other items of the batch

    def draw(self, batch: Batch, generator: Generator) -> Draws: ...

    def apply(self, batch: Batch, draws: Draws) -> Batch: ...


def beside(batch: Batch, draws: Draws) -> Draws:
    """The draws on the batch's device."""
    return {key: draw.to(batch.inputs.device, non_blocking=True) for key, draw in draws.items()}


def uniform(shape: tuple[int, ...], low: float, high: float, generator: Generator) -> Tensor:
    """Uniform draws in [low, high), on the CPU: the same seed gives the same draws on every device."""
    return low + (high - low) * torch.rand(shape, generator=generator)
