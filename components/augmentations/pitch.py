"""PITCH: the same tempo, higher or lower."""

from typing import Any

import torch
from torch import Generator, Tensor

from components.augmentations.checks import span
from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.augmentations.vocoder import OVERLAP, frame_size, vocode

SHIFTS_A_BATCH = 4  # items that share a shift are computed together


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
        groups = [(draws["size"] == size).nonzero()[:, 0] for size in sorted(set(draws["size"].tolist()))]
        changed = torch.cat([self._transposed(batch.inputs, places, int(draws["size"][places[0]])) for places in groups])
        back = torch.cat(groups).argsort().to(batch.inputs.device)
        return Batch(changed[back], batch.targets, batch.mask)

    def _transposed(self, waveforms: Tensor, places: Tensor, size: int) -> Tensor:
        rates = torch.full((len(places),), size / self.n_fft)
        return vocode(waveforms[places.to(waveforms.device)], rates, self.n_fft, size, waveforms.shape[1])


def _size(wanted: float) -> int:
    """A frame size near `wanted` that OVERLAP divides: of those within 0.4 % of the nearest, the quickest to transform."""
    nearest = max(1, round(wanted / OVERLAP))
    slack = nearest // 256
    return OVERLAP * min(range(nearest - slack, nearest + slack + 1), key=_largest_factor)


def _largest_factor(number: int) -> int:
    """The largest prime factor, which decides how long a Fourier transform of that size takes."""
    factor = 2
    while factor * factor <= number:
        if number % factor:
            factor += 1
        else:
            number //= factor
    return number
