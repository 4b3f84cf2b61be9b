"""TIME_MASK and FREQ_MASK: stretches of the spectrogram are hidden, and no single one can decide (SpecAugment, arXiv:1904.08779)."""

import torch
from torch import Generator, Tensor

from components.augmentations.contract import Batch, Draws, Stage
from components.errors import ConfigError


class TimeMask:
    """Hide moments. A hidden place gets 0, which is each band's mean once the network has normalised the spectrogram."""

    stage: Stage = "spectrogram"

    def __init__(self, frame_s: float, time_mask_s: float = 0.4, time_masks: int = 2) -> None:
        """
        Args:
            frame_s: seconds from frame to frame, the feature's own.
            time_mask_s: a mask lasts this long at most, drawn evenly from 0.
            time_masks: masks in an item; they may overlap.
        """
        _check("TIME_MASK", time_mask_s=time_mask_s, time_masks=time_masks)
        self.max_width = max(1, round(time_mask_s / frame_s))
        self.masks = time_masks

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`start` and `width` [batch, mask], in frames."""
        return _draw(len(batch), self.masks, self.max_width, batch.inputs.shape[-1], generator)

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        hidden = _hidden(draws, batch.inputs.shape[-1])[:, None, None, :]
        return Batch(batch.inputs.masked_fill(hidden, 0.0), batch.targets, batch.mask)


class FreqMask:
    """Hide bands. A hidden place gets 0, as with TIME_MASK."""

    stage: Stage = "spectrogram"

    def __init__(self, freq_mask_param: int = 12, freq_masks: int = 2) -> None:
        """
        Args:
            freq_mask_param: a mask covers this many bands of the feature at most, drawn evenly from 0.
            freq_masks: masks in an item; they may overlap.
        """
        _check("FREQ_MASK", freq_mask_param=freq_mask_param, freq_masks=freq_masks)
        self.max_width = freq_mask_param
        self.masks = freq_masks

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`start` and `width` [batch, mask], in bands."""
        return _draw(len(batch), self.masks, self.max_width, batch.inputs.shape[-2], generator)

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        hidden = _hidden(draws, batch.inputs.shape[-2])[:, None, :, None]
        return Batch(batch.inputs.masked_fill(hidden, 0.0), batch.targets, batch.mask)


def _check(name: str, **values: float) -> None:
    for key, value in values.items():
        if value <= 0:
            raise ConfigError(f"{name}: {key} must be above 0, got {value:g}: raise it or leave {name} out")


def _draw(size: int, masks: int, max_width: int, length: int, generator: Generator) -> Draws:
    width = torch.randint(0, min(max_width, length) + 1, (size, masks), generator=generator)
    start = (torch.rand(size, masks, generator=generator) * (length - width + 1)).long()
    return {"start": start, "width": width}


def _hidden(draws: Draws, length: int) -> Tensor:
    """[batch, length], true where any of the masks lies."""
    places = torch.arange(length, device=draws["start"].device)
    start = draws["start"][..., None]
    return ((places >= start) & (places < start + draws["width"][..., None])).any(dim=1)
