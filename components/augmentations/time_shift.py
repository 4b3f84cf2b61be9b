"""TIME_SHIFT: the window starts earlier or later."""

import torch
from torch import Generator

from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.errors import ConfigError


class TimeShift:
    """Rotate each waveform in time: what leaves at one end comes in at the other, so nothing that a label names is lost."""

    stage: Stage = "waveform"

    def __init__(self, sample_rate: int, max_shift_s: float = 1.0) -> None:
        """
        Args:
            sample_rate: in Hz.
            max_shift_s: drawn evenly from this many seconds back to as many forward.
        """
        if max_shift_s <= 0:
            raise ConfigError(f"TIME_SHIFT: max_shift_s must be above 0, got {max_shift_s:g}: raise it or leave TIME_SHIFT out")
        self.sample_rate = sample_rate
        self.max_shift_s = max_shift_s

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`shift` [batch], in samples; positive moves the sound later."""
        shift_s = uniform((len(batch),), -self.max_shift_s, self.max_shift_s, generator)
        return {"shift": (shift_s * self.sample_rate).round().long()}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        time = batch.inputs.shape[1]
        places = (torch.arange(time, device=batch.inputs.device) - draws["shift"][:, None]) % time
        return Batch(batch.inputs.gather(1, places), batch.targets, batch.mask)
