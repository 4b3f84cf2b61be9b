"""TIME_STRETCH: the same notes, faster or slower."""

import math
from typing import Any

import torch
from torch import Generator

from components.augmentations.checks import span
from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.augmentations.vocoder import frame_size, vocode


class TimeStretch:
    """Change the tempo and keep the pitch. A slower item is cut at the window's end; a faster one starts again from its beginning."""

    stage: Stage = "waveform"
    joins = False

    def __init__(self, sample_rate: int, stretch_factors: Any = (0.9, 1.1)) -> None:
        """
        Args:
            sample_rate: in Hz.
            stretch_factors: the slowest and the fastest tempo, as a share of the recorded one: 0.9 lasts 1 / 0.9 as long. Drawn evenly in
                the logarithm, between 0.25 and 4.
        """
        self.n_fft = frame_size(sample_rate)
        self.slowest, self.fastest = span("TIME_STRETCH", "stretch_factors", stretch_factors, low=0.25, high=4.0)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`rate` [batch], the tempo."""
        return {"rate": uniform((len(batch),), math.log(self.slowest), math.log(self.fastest), generator).exp()}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        time = batch.inputs.shape[1]
        # A faster item needs more sound than there is, and a frame more to fade out in.
        more = max(0, math.ceil((float(draws["rate"].max()) - 1) * time)) + self.n_fft
        again = torch.cat([batch.inputs, batch.inputs.repeat(1, -(-more // time))[:, :more]], dim=1)
        sizes = torch.full((len(batch),), self.n_fft)
        return Batch(vocode(again, draws["rate"], self.n_fft, sizes, time), batch.targets, batch.mask)
