"""CLIPPING: a recording that was driven too hard."""

from typing import Any

import torch
from torch import Generator, Tensor

from components.augmentations.checks import number
from components.augmentations.contract import Batch, Draws, Stage, beside, uniform

HEARD = 8192  # samples that are looked at to find the level: a share of 0.1 is found to within 0.01
GOLDEN = (5**0.5 - 1) / 2


class Clipping:
    """Cut off the loudest samples at the level that a drawn share of them passes. The level itself stays where the recording has it."""

    stage: Stage = "waveform"
    joins = False

    def __init__(self, max_clipped_share: Any = 0.1) -> None:
        """
        Args:
            max_clipped_share: of the samples, at most; drawn evenly from 0, below 1.
        """
        self.max_share = number("CLIPPING", "max_clipped_share", max_clipped_share, above=0.0, high=0.99)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`share` [batch], of the samples."""
        return {"share": uniform((len(batch),), 0.0, self.max_share, generator)}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        threshold = _passed_by(beside(batch, draws)["share"][:, None], batch.inputs.detach().abs())
        return Batch(batch.inputs.clamp(-threshold, threshold), batch.targets, batch.mask)


def _passed_by(share: Tensor, levels: Tensor) -> Tensor:
    """The level [batch, 1] that `share` of the levels [batch, time] pass.

    Sorting all would cost as much as a spectrogram. Evenly spaced ones might beat with a note; multiples of the golden ratio do not.
    """
    time = levels.shape[1]
    count = min(HEARD, time)
    if count < time:
        places = torch.arange(count, device=levels.device, dtype=torch.float64) * GOLDEN % 1 * time
        levels = levels[:, places.long()]
    rank = ((1 - share) * (count - 1)).round().long()
    return levels.sort(dim=1).values.gather(1, rank)
