"""TIMEINV: the sound backwards."""

from torch import Generator

from components.augmentations.contract import Batch, Draws, Stage


class TimeInversion:
    """Reverse each waveform in time: timbre stays, attacks become decays. Of use where a label does not hang on the attack."""

    stage: Stage = "waveform"
    joins = False

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """Nothing to draw."""
        return {}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        return Batch(batch.inputs.flip(1), batch.targets, batch.mask)
