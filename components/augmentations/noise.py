"""BACKGROUND_NOISE and COLOR_NOISE: another sound under the clip, at a drawn ratio."""

import logging
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch
from torch import Generator, Tensor

from components.audio import Limits, load
from components.augmentations.checks import refuse, span
from components.augmentations.contract import Batch, Draws, Stage, uniform
from components.errors import AudioError, ConfigError
from components.menus import nearest

LOG = logging.getLogger(__name__)
KEPT_S = 1800.0  # noise kept in memory, in 16 bits: 76 MiB at 22,050 Hz
FILE_LIMITS = Limits(max_duration_s=3600.0, max_pcm_bytes=2**31)
COLORS = {"white": 0, "pink": 1, "brown": 2, "blue": -1, "violet": -2}  # power falls with this power of the frequency
COLOR_SAMPLES = 2**19
LOWEST_HZ = 20.0  # below, brown noise would have nearly all of its power and nobody would hear it


class _Noise:
    """Add an excerpt of one of several noises. `Bank` is what they are made of."""

    stage: Stage = "waveform"
    joins = False

    def __init__(self, noises: Sequence[Tensor], snr_db: tuple[float, float]) -> None:
        self._noises = list(noises)
        self.snr_db = snr_db

    def draw(self, batch: Batch, generator: Generator) -> Draws:
        """`noise` [batch], which one; `start` [batch], as a share of its length; `snr_db` [batch]."""
        size = (len(batch),)
        noise = torch.randint(len(self._noises), size, generator=generator)
        start = torch.rand(size, generator=generator)
        return {"noise": noise, "start": start, "snr_db": uniform(size, *self.snr_db, generator)}

    def apply(self, batch: Batch, draws: Draws) -> Batch:
        inputs = batch.inputs
        self._noises = [noise.to(inputs.device) for noise in self._noises]  # they stay there
        chosen = zip(draws["noise"].tolist(), draws["start"].tolist(), strict=True)
        added = torch.cat([piece for which, start in chosen for piece in _excerpt(self._noises[which], start, inputs.shape[1])])
        added = added.view_as(inputs).to(inputs.dtype)
        ratio = 10 ** (draws["snr_db"].to(inputs.device)[:, None] / 20)
        return Batch(inputs + added * (_rms(inputs) / (_rms(added).clamp(min=1e-7) * ratio)), batch.targets, batch.mask)


class BackgroundNoise(_Noise):
    """Add recorded noise: rooms, streets, audiences. Files count alike, whatever their length; a short one is repeated.

    A silent window stays silent. The folder is read once, at the start: half an hour of it at most, files of a larger one by a fixed draw.
    """

    def __init__(self, sample_rate: int, noise_folder: Any = "", noise_snr_db: Any = (5.0, 30.0)) -> None:
        """
        Args:
            sample_rate: in Hz.
            noise_folder: searched for audio files, through all its folders; must be given.
            noise_snr_db: the least and the greatest ratio of the item's power to the noise's, in dB, drawn evenly.
        Raises:
            ConfigError: if the folder is missing or holds no audio.
        """
        super().__init__(_recordings(noise_folder, sample_rate), span("BACKGROUND_NOISE", "noise_snr_db", noise_snr_db, -60.0, 120.0))


class ColorNoise(_Noise):
    """Add noise whose power falls (or rises) with frequency: white is flat, pink falls by 3 dB an octave, brown by 6; blue and violet rise
    by as much. It reaches down to 20 Hz. A silent window stays silent.
    """

    def __init__(self, sample_rate: int, noise_colors: Any = ("white", "pink", "brown"), color_noise_snr_db: Any = (10.0, 40.0)) -> None:
        """
        Args:
            sample_rate: in Hz.
            noise_colors: one of these is drawn for each item.
            color_noise_snr_db: the least and the greatest ratio of the item's power to the noise's, in dB, drawn evenly.
        """
        names = noise_colors.split(",") if isinstance(noise_colors, str) else noise_colors
        if not isinstance(names, Sequence) or not names:
            refuse("COLOR_NOISE", "noise_colors", f"must be a list of some of {', '.join(COLORS)}", noise_colors)
        for name in names:
            if name not in COLORS:
                raise ConfigError(
                    f"COLOR_NOISE: unknown colour {name!r} in noise_colors{nearest(str(name), COLORS)}; choose from: {', '.join(COLORS)}"
                )
        snr_db = span("COLOR_NOISE", "color_noise_snr_db", color_noise_snr_db, -60.0, 120.0)
        super().__init__([colored(COLORS[name], sample_rate) for name in names], snr_db)


@lru_cache(maxsize=16)
def colored(exponent: int, sample_rate: int) -> Tensor:
    """[COLOR_SAMPLES], Gaussian, of RMS 1 and the same in every process; its end fits its beginning."""
    white = torch.randn(COLOR_SAMPLES, generator=torch.Generator().manual_seed(0))
    frequencies = torch.fft.rfftfreq(COLOR_SAMPLES, 1 / sample_rate)
    shape = torch.where(frequencies < LOWEST_HZ, 0.0, (frequencies.clamp(min=LOWEST_HZ) / LOWEST_HZ) ** (-exponent / 2))
    noise: Tensor = torch.fft.irfft(torch.fft.rfft(white) * shape, n=COLOR_SAMPLES)
    return noise / noise.square().mean().sqrt()


def _recordings(folder: Any, sample_rate: int) -> list[Tensor]:
    """int16 [time] of each file that can be read, up to KEPT_S together."""
    if not folder:
        raise ConfigError("BACKGROUND_NOISE: noise_folder is not set: name a folder of recorded noise, or leave BACKGROUND_NOISE out")
    if not (root := Path(str(folder)).expanduser()).is_dir():
        raise ConfigError(f"BACKGROUND_NOISE: noise_folder {root} is no folder: name one that holds recorded noise")
    files = sorted(path for path in root.rglob("*") if path.is_file() and not path.name.startswith("."))
    kept: list[Tensor] = []
    for place in torch.randperm(len(files), generator=torch.Generator().manual_seed(0)).tolist():
        if sum(map(len, kept)) >= KEPT_S * sample_rate:
            LOG.info("BACKGROUND_NOISE: %d of %d files of %s are used, which make %g s", len(kept), len(files), root, KEPT_S)
            break
        try:
            samples = load(files[place], sample_rate, FILE_LIMITS).samples
        except AudioError as error:
            LOG.warning("BACKGROUND_NOISE: left out: %s", error)
            continue
        if samples.any():
            kept.append(torch.from_numpy(samples))
    if not kept:
        raise ConfigError(
            f"BACKGROUND_NOISE: noise_folder {root} holds no sound that can be read ({len(files)} files): put recordings there"
        )
    return kept


def _excerpt(noise: Tensor, start: float, time: int) -> list[Tensor]:
    """`time` samples from a share `start` of the noise on, in pieces: its beginning follows its end."""
    first = int(start * len(noise))
    pieces = [noise[first : first + time]]
    missing = time - len(pieces[0])
    while missing > 0:
        pieces.append(noise[:missing])
        missing -= len(pieces[-1])
    return pieces


def _rms(waveforms: Tensor) -> Tensor:
    """[batch, 1]"""
    return waveforms.square().mean(dim=1, keepdim=True).sqrt()
