"""TIME_MASK and FREQ_MASK: stretches of the spectrogram are hidden, and no single one can decide (SpecAugment, arXiv:1904.08779)."""

from typing import Any

import torch
from torch import Generator, Tensor

from components.augmentations.checks import number, whole
from components.augmentations.contract import Batch, Draws, Stage, beside


class TimeMask:
    """Hide moments. A hidden place gets 0, which is each band's mean once the network has normalised the spectrogram."""

    stage: Stage = "spectrogram"
    joins = False

    def __init__(self, frame_s: float, time_mask_s: Any = 0.4, time_masks: Any = 2) -> None:
        """
        Args:
            frame_s: seconds from frame to frame, the feature's own.
            time_mask_s: a mask lasts this long at most, drawn evenly from 0.
            time_masks: masks in an item; they may overlap.
        """
        self.max_width = max(1, round(number("TIME_MASK", "time_mask_s", time_mask_s, above=0) / frame_s))
        self.masks = whole("TIME_MASK", "time_masks", time_masks)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`start` and `width` [batch, mask], in frames."""
        start, width = draw_stretches(len(batch), self.masks, self.max_width, batch.inputs.shape[-1], generator)
        return {"start": start, "width": width}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        draws = beside(batch, draws)
        hidden = inside(draws["start"], draws["width"], batch.inputs.shape[-1]).any(dim=1)[:, None, None, :]
        return Batch(batch.inputs.masked_fill(hidden, 0.0), batch.targets, batch.mask)


class FreqMask:
    """Hide bands. A hidden place gets 0, as with TIME_MASK."""

    stage: Stage = "spectrogram"
    joins = False

    def __init__(self, freq_mask_param: Any = 12, freq_masks: Any = 2) -> None:
        """
        Args:
            freq_mask_param: a mask covers this many bands of the feature at most, drawn evenly from 0.
            freq_masks: masks in an item; they may overlap.
        """
        self.max_width = whole("FREQ_MASK", "freq_mask_param", freq_mask_param)
        self.masks = whole("FREQ_MASK", "freq_masks", freq_masks)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`start` and `width` [batch, mask], in bands."""
        start, width = draw_stretches(len(batch), self.masks, self.max_width, batch.inputs.shape[-2], generator)
        return {"start": start, "width": width}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        draws = beside(batch, draws)
        hidden = inside(draws["start"], draws["width"], batch.inputs.shape[-2]).any(dim=1)[:, None, :, None]
        return Batch(batch.inputs.masked_fill(hidden, 0.0), batch.targets, batch.mask)


def draw_stretches(size: int, stretches: int, max_width: int, length: int, generator: Generator) -> tuple[Tensor, Tensor]:
    """Start and width [size, stretches], each within `length`."""
    width = torch.randint(0, min(max_width, length) + 1, (size, stretches), generator=generator)
    start = (torch.rand(size, stretches, generator=generator) * (length - width + 1)).long()
    return start, width


def inside(start: Tensor, width: Tensor, length: int) -> Tensor:
    """[batch, stretch, length], true where a stretch lies."""
    places = torch.arange(length, device=start.device)
    return (places >= start[..., None]) & (places < (start + width)[..., None])
