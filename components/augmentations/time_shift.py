"""TIME_SHIFT: the window starts earlier or later."""

from typing import Any

import torch
from torch import Generator

from components.augmentations.checks import number
from components.augmentations.contract import Batch, Draws, Stage, uniform


class TimeShift:
    """Rotate each waveform in time: what leaves at one end comes in at the other, so nothing that a label names is lost."""

    stage: Stage = "waveform"
    joins = False

    def __init__(self, sample_rate: int, max_shift_s: Any = 1.0) -> None:
        """
        Args:
            sample_rate: in Hz.
            max_shift_s: drawn evenly from this many seconds back to as many forward.
        """
        self.sample_rate = sample_rate
        self.max_shift_s = number("TIME_SHIFT", "max_shift_s", max_shift_s, above=0)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`shift` [batch], in samples; positive moves the sound later."""
        shift_s = uniform((len(batch),), -self.max_shift_s, self.max_shift_s, generator)
        return {"shift": (shift_s * self.sample_rate).round().long()}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        time = batch.inputs.shape[1]
        begins = (-draws["shift"] % time).tolist()
        pieces = [piece for waveform, begin in zip(batch.inputs, begins, strict=True) for piece in (waveform[begin:], waveform[:begin])]
        return Batch(torch.cat(pieces).view_as(batch.inputs), batch.targets, batch.mask)
