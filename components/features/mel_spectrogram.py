"""MEL_SPECTROGRAM: the power of each mel band over time, in decibels."""

import math
import warnings

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.features.exact import exactly
from components.model_input import ModelInputDataType
from components.torch_builds import match_builds

# About 100 dB below a full-scale sine and 20 dB above the rounding noise of 16 bits.
FLOOR = 1e-7
BANDS_AT_ONCE = 16


class MelSpectrogram(nn.Module):
    """[batch, time] -> [batch, 1, mel, frame], in dB; frame i is centred on sample i * hop.

    Slaney's mel scale with filters of equal area, as librosa's default (Slaney, Auditory Toolbox, 1998). The ends are padded with silence.
    """

    kind = ModelInputDataType.IMAGE
    channels = 1

    def __init__(
        self,
        sample_rate: int,
        n_fft: int = 1024,
        hop: int = 512,
        n_mels: int = 64,
        f_min_hz: float = 30.0,
        f_max_hz: float | None = None,
    ) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz.
            n_fft: samples in a frame.
            hop: samples from one frame to the next.
            n_mels: bands between f_min_hz and f_max_hz.
            f_max_hz: half the sample rate where it is None.
        Raises:
            ConfigError: if the bands do not fit the frame or the sample rate.
        """
        super().__init__()
        top_hz = sample_rate / 2 if f_max_hz is None else f_max_hz
        if not (n_fft > 1 and hop > 0 and n_mels > 0):
            raise ConfigError(f"feature.params: n_fft {n_fft}, hop {hop} and n_mels {n_mels} must be above 1, 0 and 0: make them larger")
        if not 0 <= f_min_hz < top_hz <= sample_rate / 2:
            raise ConfigError(
                f"feature.params: f_min_hz {f_min_hz:g} and f_max_hz {top_hz:g} must rise between 0 and {sample_rate / 2:g} Hz, "
                f"half of audio.sample_rate: change one of them"
            )
        self.n_fft, self.hop, self.n_mels = n_fft, hop, n_mels
        self.frame_s = hop / sample_rate
        self.statistics_shape: tuple[int, ...] = (1, n_mels, 1)
        # Both follow from the settings above, so the weight file need not carry them.
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.register_buffer("filters", _filters(n_fft, f_min_hz, top_hz, n_mels, sample_rate), persistent=False)
        self._groups = _groups(self.filters)

    window: Tensor
    filters: Tensor  # [bin, mel]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 1, mel, frame], frame = 1 + time // hop."""
        return exactly(self._decibels, waveforms)

    def _decibels(self, waveforms: Tensor) -> Tensor:
        padded = nn.functional.pad(waveforms, (self.n_fft // 2, self.n_fft - self.n_fft // 2))
        spectrum = torch.fft.rfft(padded.unfold(-1, self.n_fft, self.hop) * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        bands = torch.cat([power[..., bins] @ self.filters[bins, group] for bins, group in self._groups], dim=-1)
        # Added, not clamped: silence would give log(0), and above the floor the gradient never vanishes abruptly.
        decibels = 10 / math.log(10) * torch.log(bands + FLOOR)
        return decibels.transpose(1, 2).unsqueeze(1)


def _filters(n_fft: int, f_min_hz: float, f_max_hz: float, n_mels: int, sample_rate: int) -> Tensor:
    match_builds()
    from torchaudio.functional import melscale_fbanks  # after match_builds(), or its extension does not load

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of empty bands, which the next lines refuse
        filters: Tensor = melscale_fbanks(n_fft // 2 + 1, f_min_hz, f_max_hz, n_mels, sample_rate, norm="slaney", mel_scale="slaney")
    if (empty := int((filters.amax(0) == 0).sum())) > 0:
        raise ConfigError(f"feature.params: {empty} of {n_mels} mel bands hold no bin of an n_fft of {n_fft}: raise n_fft or lower n_mels")
    return filters


def _groups(filters: Tensor) -> list[tuple[slice, slice]]:
    """Bins and bands of each group of neighbouring bands: filters are narrow, and a group reads the bins that it has, not all."""
    groups = []
    for first in range(0, filters.shape[1], BANDS_AT_ONCE):
        group = slice(first, first + BANDS_AT_ONCE)
        bins = filters[:, group].amax(1).nonzero()
        groups.append((slice(int(bins[0]), int(bins[-1]) + 1), group))
    return groups
