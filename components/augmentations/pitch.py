"""PITCH: the same tempo, higher or lower."""

import math
from typing import Any

import torch
from torch import Generator

from components.augmentations.checks import span
from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.augmentations.vocoder import OVERLAP, frame_size, vocode

SHIFTS_A_BATCH = 4  # on a GPU, items that share a shift are computed together
CENTS = 9.9  # to which a shift may be rounded


class Pitch:
    """Transpose and keep the tempo: the waveform is stretched and then resampled back to its length. Formants move with the pitch."""

    stage: Stage = "waveform"
    joins = False

    def __init__(self, sample_rate: int, pitch_semitones: Any = (-2.0, 2.0)) -> None:
        """
        Args:
            sample_rate: in Hz.
            pitch_semitones: the deepest and the highest shift, within two octaves. Each batch draws four, evenly, and each item takes one
                of them. A shift is carried out to within 10 cents, beyond an octave up to within 14.
        """
        self.n_fft = frame_size(sample_rate)
        self.deepest, self.highest = span("PITCH", "pitch_semitones", pitch_semitones, low=-24.0, high=24.0)

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`size` [batch], samples in a frame of the result: the fewer, the higher."""
        shifts = uniform((SHIFTS_A_BATCH,), self.deepest, self.highest, generator)
        taken = torch.randint(SHIFTS_A_BATCH, (len(batch),), generator=generator)
        sizes = torch.tensor([_size(self.n_fft * 2 ** (-shift / 12)) for shift in shifts.tolist()])
        return {"size": sizes[taken]}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        sizes = draws["size"]
        changed = vocode(batch.inputs, sizes / self.n_fft, self.n_fft, sizes, batch.inputs.shape[1])
        return Batch(changed, batch.targets, batch.mask)


def _size(wanted: float) -> int:
    """A frame size near `wanted` that OVERLAP divides: of those within CENTS, else the nearest, the quickest to transform."""
    most = 2 ** (CENTS / 1200)
    near = range(math.ceil(wanted / most / OVERLAP), math.floor(wanted * most / OVERLAP) + 1)
    return OVERLAP * min(near or [max(1, round(wanted / OVERLAP))], key=_sum_of_factors)


def _sum_of_factors(number: int) -> int:
    """The sum of the prime factors, to which the time of a Fourier transform of that size is about proportional."""
    total, factor = 0, 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            number //= factor
            total += factor
    return total + number
