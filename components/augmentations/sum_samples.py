"""SUM_TWO_SAMPLES and SUM_N_SAMPLES: several clips sound together, and the sum carries the labels of all."""

from typing import Any

import torch
from torch import Generator, Tensor

from components.augmentations.checks import number
from components.augmentations.contract import Batch, Draws, Stage, beside, uniform
from components.augmentations.joining import AUDIBLE_RMS, Known, draw_partners
from components.errors import ConfigError


class SumSamples:
    """Add other items of the batch to each item: the way from clips of one source each to recordings where several play.

    Sources are brought to equal loudness (RMS), each extra one is then moved by a level drawn in dB, and the sum gets the loudness of
    the item that it replaces, so that loudness does not tell how many sources there are; a sum that would clip is turned down.
    Labels are the union. A label is known present where it is known present in any source, known absent where it is known absent in all.
    A source that is silent in its window adds neither sound nor labels; a silent item takes its loudness from the sources that join it.
    """

    stage: Stage = "waveform"
    joins = True

    def __init__(self, sum_n_samples: Any = 3, sum_level_db: Any = 6.0) -> None:
        """
        Args:
            sum_n_samples: sources in a sum at most, the item itself included; how many is drawn evenly from 2 up to this.
            sum_level_db: an extra source lies within this many dB of the item, above or below.
        """
        most = number("SUM_N_SAMPLES", "sum_n_samples", sum_n_samples)
        level_db = number("SUM_N_SAMPLES", "sum_level_db", sum_level_db)
        if most < 2 or most != int(most) or level_db < 0:
            raise ConfigError(
                f"SUM_N_SAMPLES: sum_n_samples {most:g} must be 2 or more, whole, and sum_level_db {level_db:g} not negative: change them"
            )
        self.sum_n_samples = int(most)
        self.sum_level_db = level_db

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`partners` [batch, extra], other places in the batch, none twice; `gains` [batch, extra], 0 where a sum has fewer sources."""
        size, extra = len(batch), min(self.sum_n_samples, len(batch)) - 1
        partners = draw_partners(size, extra, generator)
        counts = torch.randint(1, self.sum_n_samples, (size, 1), generator=generator)
        levels_db = uniform((size, extra), -self.sum_level_db, self.sum_level_db, generator)
        gains = torch.where(torch.arange(extra) < counts, 10 ** (levels_db / 20), 0.0)
        return {"partners": partners, "gains": gains}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        draws = beside(batch, draws)
        waveforms, partners, gains = batch.inputs, draws["partners"], draws["gains"]
        loudness = waveforms.square().mean(dim=1, keepdim=True).sqrt()  # [batch, 1]
        audible = loudness > AUDIBLE_RMS
        even = torch.where(audible, waveforms / loudness.clamp(min=AUDIBLE_RMS), 0.0)
        known = Known.of(batch)
        total, joined, level = even.clone(), known, loudness
        for extra in range(partners.shape[1]):
            partner, gain = partners[:, extra], gains[:, extra, None]
            heard = (gain > 0) & audible[partner]
            total.addcmul_(even[partner], gain)
            level = torch.where(heard & ~audible, torch.maximum(level, loudness[partner]), level)
            joined = joined.join(known[partner], heard)
        return Batch(_at_loudness(total, level), joined.present, joined.mask)


def _at_loudness(total: Tensor, loudness: Tensor) -> Tensor:
    """The sums at the loudness asked for, or as near as full scale allows."""
    scaled = total * (loudness / total.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-7))
    peak = scaled.abs().amax(dim=1, keepdim=True)
    return scaled / peak.clamp(min=1.0)
