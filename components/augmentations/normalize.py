"""NORM_AFTER_TIME_AUGS: every waveform at the same peak. Put it after the other augmentations of waveforms."""

from typing import Any

from torch import Generator

from components.augmentations.checks import number
from components.augmentations.contract import Batch, Draws, Stage

SILENT = 1e-5  # -100 dB of full scale: below lies rounding noise, which nothing should raise


class Normalize:
    """Scale each waveform to one peak, so that no augmentation before it can tell by its level. Silence stays silence.

    What is scored later is not scaled: below a probability of 1 the network hears the recorded levels too.
    """

    stage: Stage = "waveform"
    joins = False

    def __init__(self, norm_peak_db: Any = -1.0) -> None:
        """
        Args:
            norm_peak_db: the peak in dB of full scale, 0 or less.
        """
        self.peak = 10 ** (number("NORM_AFTER_TIME_AUGS", "norm_peak_db", norm_peak_db, low=-100.0, high=0.0) / 20)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """Nothing to draw."""
        return {}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        peak = batch.inputs.abs().amax(dim=1, keepdim=True)
        gain = (self.peak / peak.clamp(min=SILENT)).where(peak > SILENT, 1.0)
        return Batch(batch.inputs * gain, batch.targets, batch.mask)
