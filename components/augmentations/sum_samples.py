"""SUM_TWO_SAMPLES and SUM_N_SAMPLES: several clips sound together, and the sum carries the labels of all."""

import torch
from torch import Generator, Tensor

from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.errors import ConfigError

AUDIBLE_RMS = 1e-3  # -60 dB of full scale: scaling what is quieter to equal loudness would raise its noise


class SumSamples:
    """Add other items of the batch to each item: the way from clips of one source each to recordings where several play.

    Sources are brought to equal loudness (RMS), each extra one is then moved by a level drawn in dB, and the sum gets the loudness of
    the item that it replaces, so that loudness does not tell how many sources there are; a sum that would clip is turned down.
    Labels are the union. A label is known present where it is known present in any source, known absent where it is known absent in all.
    A source that is silent in its window adds neither sound nor labels; a silent item takes its loudness from the sources that join it.
    """

    stage: Stage = "waveform"

    def __init__(self, sum_n_samples: int = 3, sum_level_db: float = 6.0) -> None:
        """
        Args:
            sum_n_samples: sources in a sum at most, the item itself included; how many is drawn evenly from 2 up to this.
            sum_level_db: an extra source lies within this many dB of the item, above or below.
        """
        if sum_n_samples < 2 or sum_level_db < 0:
            raise ConfigError(
                f"SUM_N_SAMPLES: sum_n_samples {sum_n_samples} must be 2 or more and sum_level_db {sum_level_db:g} not negative: raise them"
            )
        self.sum_n_samples = sum_n_samples
        self.sum_level_db = sum_level_db

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`partners` [batch, extra], other places in the batch, none twice; `gains` [batch, extra], 0 where a sum has fewer sources."""
        size, extra = len(batch), min(self.sum_n_samples, len(batch)) - 1
        others = torch.rand(size, max(size - 1, 0), generator=generator).argsort(dim=1)[:, :extra] + 1
        partners = (torch.arange(size)[:, None] + others) % size
        counts = torch.randint(1, self.sum_n_samples, (size, 1), generator=generator)
        levels_db = uniform((size, extra), -self.sum_level_db, self.sum_level_db, generator)
        gains = torch.where(torch.arange(extra) < counts, 10 ** (levels_db / 20), 0.0)
        return {"partners": partners, "gains": gains}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        waveforms, partners, gains = batch.inputs, draws["partners"], draws["gains"]
        loudness = waveforms.square().mean(dim=1, keepdim=True).sqrt()  # [batch, 1]
        audible = loudness > AUDIBLE_RMS
        even = torch.where(audible, waveforms / loudness.clamp(min=AUDIBLE_RMS), 0.0)
        targets = batch.targets * batch.mask
        lacking = (1 - batch.targets) * batch.mask
        total, present, absent, level = even.clone(), targets, lacking, loudness
        for extra in range(partners.shape[1]):
            partner, gain = partners[:, extra], gains[:, extra, None]
            heard = (gain > 0) & audible[partner]
            total.addcmul_(even[partner], gain)
            level = torch.where(heard & ~audible, torch.maximum(level, loudness[partner]), level)
            present = torch.where(heard, torch.maximum(present, targets[partner]), present)
            absent = torch.where(heard, torch.minimum(absent, lacking[partner]), absent)
        return Batch(_at_loudness(total, level), present, torch.maximum(present, absent))


def _at_loudness(total: Tensor, loudness: Tensor) -> Tensor:
    """The sums at the loudness asked for, or as near as full scale allows."""
    scaled = total * (loudness / total.square().mean(dim=1, keepdim=True).sqrt().clamp(min=1e-7))
    peak = scaled.abs().amax(dim=1, keepdim=True)
    return scaled / peak.clamp(min=1.0)
