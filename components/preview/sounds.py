"""What the page's augmentations work on: a window of a clip, and three notes by formula that SUM and CONCAT join it with."""

from pathlib import Path

import torch
from torch import Tensor

from components.audio import load
from components.augmentations import Batch

NOTES_HZ = (220.0, 329.6, 554.4)
PARTIALS = 8
PAUSE_S = 0.5


def window_of(path: Path | None, sample_rate: int, length_s: float) -> Tensor:
    """[time]: the loudest window of a clip, or, without a path, a scale of plucked notes.

    Raises:
        AudioError: if the clip cannot be read.
    """
    time = round(length_s * sample_rate)
    if path is None:
        steps = [220 * 2 ** (semitones / 12) for semitones in (0, 4, 7, 12, 7, 4)]
        return sum((_plucked(hz, place * PAUSE_S, time, sample_rate) for place, hz in enumerate(steps)), torch.zeros(time))
    waveform = torch.from_numpy(load(path, sample_rate).waveform)
    if len(waveform) <= time:
        return torch.nn.functional.pad(waveform, (0, time - len(waveform)))
    loudness = waveform.square().double().cumsum(0)
    first = int((loudness[time:] - loudness[:-time]).argmax())
    return waveform[first : first + time]


def beside_it(window: Tensor, sample_rate: int) -> Batch:
    """The window first, then three notes of other pitches; each item has a label of its own."""
    time = len(window)
    notes = [sum((_plucked(hz, place * PAUSE_S, time, sample_rate) for place in range(20)), torch.zeros(time)) for hz in NOTES_HZ]
    return Batch(torch.stack([window, *notes]), torch.eye(4), torch.ones(4, 4))


def _plucked(frequency_hz: float, start_s: float, time: int, sample_rate: int) -> Tensor:
    """[time]: harmonics that die away, the higher the sooner."""
    since_s = torch.arange(time) / sample_rate - start_s
    partials = [place for place in range(1, PARTIALS + 1) if place * frequency_hz < sample_rate / 2]
    waves = [torch.sin(2 * torch.pi * place * frequency_hz * since_s) * torch.exp(-3 * place**0.5 * since_s) / place for place in partials]
    return 0.3 * torch.where(since_s >= 0, torch.stack(waves).sum(dim=0), 0.0)
