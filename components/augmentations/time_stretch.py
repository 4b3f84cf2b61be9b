"""TIME_STRETCH: the same notes, faster or slower."""

import math
from typing import Any

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
        rounds = math.ceil(float(draws["rate"].max()))
        # A faster item needs more sound than there is, and a frame more to fade out in.
        again = batch.inputs.repeat(1, rounds + 1)[:, : rounds * time + self.n_fft] if rounds > 1 else batch.inputs
        return Batch(vocode(again, draws["rate"], self.n_fft, self.n_fft, time), batch.targets, batch.mask)
