"""RANDOM_ERASE and RANDOM_PIXELS: parts of the spectrogram are lost, in rectangles (Random Erasing, arXiv:1708.04896) or singly."""

from typing import Any

import torch
from torch import Generator

from components.augmentations.checks import number, whole
from components.augmentations.contract import Batch, Draws, Stage, beside, uniform
from components.augmentations.masks import draw_stretches, inside


class RandomErase:
    """Hide rectangles: some bands for some time, where the paper draws area and shape. A hidden place gets 0, as with TIME_MASK."""

    stage: Stage = "spectrogram"
    joins = False

    def __init__(self, frame_s: float, erase_s: Any = 0.8, erase_bands: Any = 24, erasures: Any = 2) -> None:
        """
        Args:
            frame_s: seconds from frame to frame, the feature's own.
            erase_s: a rectangle lasts this long at most, drawn evenly from 0.
            erase_bands: it covers this many bands of the feature at most, drawn evenly from 0.
            erasures: rectangles in an item; they may overlap.
        """
        self.max_frames = max(1, round(number("RANDOM_ERASE", "erase_s", erase_s, above=0) / frame_s))
        self.max_bands = whole("RANDOM_ERASE", "erase_bands", erase_bands)
        self.erasures = whole("RANDOM_ERASE", "erasures", erasures)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`band`, `bands`, `frame`, `frames` [batch, erasure]: where each begins and how far it goes."""
        band, bands = draw_stretches(len(batch), self.erasures, self.max_bands, batch.inputs.shape[-2], generator)
        frame, frames = draw_stretches(len(batch), self.erasures, self.max_frames, batch.inputs.shape[-1], generator)
        return {"band": band, "bands": bands, "frame": frame, "frames": frames}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        draws = beside(batch, draws)
        high = inside(draws["band"], draws["bands"], batch.inputs.shape[-2])[..., :, None]
        long = inside(draws["frame"], draws["frames"], batch.inputs.shape[-1])[..., None, :]
        return Batch(batch.inputs.masked_fill((high & long).any(dim=1)[:, None], 0.0), batch.targets, batch.mask)


class RandomPixels:
    """Replace single values of the spectrogram by noise of mean 0 and deviation 1, which is what the network's normalised input has.

    Where a feature has several channels, each keeps its own values but loses the same places.
    """

    stage: Stage = "spectrogram"
    joins = False

    def __init__(self, pixel_share: Any = 0.05) -> None:
        """
        Args:
            pixel_share: of the values, at most; drawn evenly from 0.
        """
        self.max_share = number("RANDOM_PIXELS", "pixel_share", pixel_share, above=0, high=1.0)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`share` [batch] of the values; `rank` [batch, freq, frame]: a value is lost where its rank lies below the share."""
        share = uniform((len(batch),), 0.0, self.max_share, generator)
        return {"share": share, "rank": torch.rand(len(batch), *batch.inputs.shape[-2:], generator=generator)}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        draws = beside(batch, draws)
        share = draws["share"][:, None, None].clamp(min=1e-6)
        # Below the share the rank is even, too, and so the noise needs no draw of its own.
        even = (draws["rank"] / share).clamp(1e-6, 1 - 1e-6)
        noise = torch.erfinv(2 * even - 1) * 2**0.5
        return Batch(torch.where((draws["rank"] < share)[:, None], noise[:, None], batch.inputs), batch.targets, batch.mask)
