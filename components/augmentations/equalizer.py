"""SEVEN_BAND_EQ: another microphone, room or mix."""

import math
from typing import Any

import torch
from scipy.fft import next_fast_len
from torch import Generator, Tensor

from components.augmentations.checks import number
from components.augmentations.contract import Batch, Draws, Stage, beside, uniform

CENTRES_HZ = (100.0, 200.0, 400.0, 800.0, 1600.0, 3200.0, 6400.0)


class SevenBandEq:
    """Raise and lower seven bands an octave apart. Between two centres the gain in dB runs straight over the logarithm of frequency, beyond
    the outer ones it stays, so a centre has the very gain that was drawn. Phases are left alone.
    """

    stage: Stage = "waveform"
    joins = False

    def __init__(self, sample_rate: int, eq_gain_db: Any = 6.0) -> None:
        """
        Args:
            sample_rate: in Hz. A band whose centre lies above half of it does nothing but bend the slope below.
            eq_gain_db: the gain of each band is drawn evenly from this much below to this much above 0 dB.
        """
        self.sample_rate = sample_rate
        self.gain_db = number("SEVEN_BAND_EQ", "eq_gain_db", eq_gain_db, above=0.0, high=60.0)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`gain_db` [batch, 7], from the lowest band to the highest."""
        return {"gain_db": uniform((len(batch), len(CENTRES_HZ)), -self.gain_db, self.gain_db, generator)}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        time = batch.inputs.shape[1]
        size = int(next_fast_len(time, real=False))  # real=True has fewer sizes, and a second would not be one of them
        frequencies = torch.fft.rfftfreq(size, 1 / self.sample_rate, device=batch.inputs.device)
        gains = _gains(beside(batch, draws)["gain_db"], frequencies)
        return Batch(torch.fft.irfft(torch.fft.rfft(batch.inputs, n=size) * gains, n=size)[:, :time], batch.targets, batch.mask)


def _gains(gain_db: Tensor, frequencies_hz: Tensor) -> Tensor:
    """Factors [batch, frequency]: the bands' gains, interpolated."""
    octaves = torch.log2(frequencies_hz.clamp(min=1.0) / CENTRES_HZ[0]).clamp(0, len(CENTRES_HZ) - 1)
    below = octaves.long().clamp(max=len(CENTRES_HZ) - 2)
    nepers = gain_db * (math.log(10) / 20)
    return torch.lerp(nepers[:, below], nepers[:, below + 1], octaves - below).exp()
