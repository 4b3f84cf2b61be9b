"""A bank of complex Morlet wavelets: the power that each of them hears over time."""

import itertools
import math
from collections.abc import Iterator, Sequence

import torch
from torch import Tensor, nn

from components.errors import ConfigError

SPREAD = 4.0  # deviations of a wavelet, in time or frequency, that are kept: beyond, it is 70 dB down
FLOOR_DB = -90.0  # below a full-scale sine; in a band, the rounding noise of 16 bits lies lower


class MorletBank(nn.Module):
    """[batch, time] -> [batch, band, frame] in dB, 0 dB for a full-scale sine at a band's centre; frame i is centred on sample i * hop.

    A frame holds the mean power within its hop, so nothing that sounds between two frames is missed. Each band is cut out of one long
    spectrum and turned back at the few samples a hop that it needs, which is what makes the bank cheap (Torrence and Compo,
    A practical guide to wavelet analysis, 1998, without the decimation). The ends are padded with silence.
    """

    def __init__(self, sample_rate: int, hop: int, centres_hz: Sequence[float], cycles: float) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz.
            hop: samples from one frame to the next.
            centres_hz: of the bands, rising.
            cycles: the deviation of a wavelet in time is cycles / (2 * pi * centre): more are finer in frequency and coarser in time.
        Raises:
            ConfigError: if a band does not fit the sample rate, or the wavelets are too short to be told from their mirror image.
        """
        super().__init__()
        if not (hop > 0 and cycles >= SPREAD):
            raise ConfigError(f"feature.params: hop {hop} and cycles {cycles:g} must be at least 1 and {SPREAD:g}: raise them")
        if not 0 < centres_hz[0] <= centres_hz[-1] <= sample_rate / 2:
            raise ConfigError(
                f"feature.params: bands from {centres_hz[0]:g} to {centres_hz[-1]:g} Hz must lie between 0 and {sample_rate / 2:g} Hz, "
                f"half of audio.sample_rate: change their frequencies or their number"
            )
        self.hop, self.cycles = hop, cycles
        longest_s = SPREAD * cycles / (2 * math.pi * centres_hz[0])
        self._rest = math.ceil(longest_s * sample_rate / hop) + 1  # frames of silence that keep the end from reaching round to the start
        self.register_buffer("centres", torch.tensor(centres_hz) / sample_rate, persistent=False)
        self._groups = list(_groups([centre / sample_rate for centre in centres_hz], cycles, hop))

    centres: Tensor  # [band], in cycles a sample

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, band, 1 + time // hop]; call it within `exactly`."""
        frames = 1 + waveforms.shape[-1] // self.hop
        padded_frames = _fast_size(frames + self._rest)
        before, length = self.hop // 2, padded_frames * self.hop
        spectrum = torch.fft.rfft(nn.functional.pad(waveforms, (before, length - before - waveforms.shape[-1])))
        power = [self._power(spectrum, length, group, padded_frames, per_frame)[..., :frames] for group, per_frame in self._groups]
        # 1 added to power in floors, not clamped: silence would give log(0), and above the floor the gradient never vanishes abruptly.
        in_floors = torch.cat(power, dim=1) * 10 ** (-FLOOR_DB / 10)
        decibels: Tensor = FLOOR_DB + 10 / math.log(10) * torch.log1p(in_floors)
        return decibels

    def _power(self, spectrum: Tensor, length: int, group: slice, frames: int, per_frame: int) -> Tensor:
        """Mean power [batch, band, frame] of a group of bands, sampled `per_frame` times a frame."""
        bins, weights = self._wavelets(length, group, frames * per_frame)
        # The cut-out starts at bin 0 now, which turns the phase but not the power.
        samples = torch.fft.ifft(spectrum[:, bins] * weights)
        by_frame = torch.view_as_real(samples).reshape(*samples.shape[:2], frames, 2 * per_frame)
        power: Tensor = 2 * by_frame.square().mean(dim=-1)
        return power

    def _wavelets(self, length: int, group: slice, size: int) -> tuple[Tensor, Tensor]:
        """The bins [band, size] of a spectrum of `length` that each wavelet reads, and its weight at each."""
        centres = self.centres[group, None] * length
        bins = centres.round().long() - size // 2 + torch.arange(size, device=centres.device)
        weights = 2 * size / length * torch.exp(-0.5 * ((bins - centres) * self.cycles / centres).square())
        inside = (bins > 0) & (bins <= length // 2)
        return bins.clamp(0, length // 2), weights * inside


def _groups(centres: Sequence[float], cycles: float, hop: int) -> Iterator[tuple[slice, int]]:
    """Neighbouring bands that need the same number of samples a hop, and that number: a power of two."""
    needed = [_power_of_two(max(8, math.ceil(2 * SPREAD * centre / cycles * hop))) for centre in centres]
    for per_frame, places in itertools.groupby(range(len(needed)), key=needed.__getitem__):
        group = list(places)
        yield slice(group[0], group[-1] + 1), per_frame


def _power_of_two(size: int) -> int:
    """The next power of two."""
    return 1 << (size - 1).bit_length()


def _fast_size(size: int) -> int:
    """The next size without a prime factor above 5, of which a Fourier transform is fast."""
    while True:
        rest = size
        for prime in (2, 3, 5):
            while rest % prime == 0:
                rest //= prime
        if rest == 1:
            return size
        size += 1
