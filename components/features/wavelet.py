"""WAVELET: a scalogram, fine in time where the pitch is high and fine in pitch where it is low."""

from torch import Tensor, nn

from components.errors import ConfigError
from components.features.exact import exactly
from components.features.morlet import MorletBank
from components.model_input import ModelInputDataType


class Wavelet(nn.Module):
    """[batch, time] -> [batch, 1, band, frame] in dB, 0 dB for a full-scale sine; frame i is centred on sample i * hop.

    Complex Morlet wavelets at centres in equal steps of pitch, each normalised to the same gain at its centre.
    """

    kind = ModelInputDataType.IMAGE
    channels = 1

    def __init__(
        self,
        sample_rate: int,
        hop: int = 512,
        n_bands: int = 64,
        f_min_hz: float = 40.0,
        f_max_hz: float | None = None,
        cycles: float = 12.0,
    ) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz.
            hop: samples from one frame to the next.
            n_bands: wavelets between f_min_hz and f_max_hz.
            f_min_hz: centre of the lowest wavelet.
            f_max_hz: centre of the highest; 0.8 of half the sample rate where it is None, so that most of its width fits.
            cycles: the deviation of a wavelet in time is cycles / (2 * pi * centre), in frequency centre / cycles.
        Raises:
            ConfigError: if the bands do not fit the sample rate, or cycles is below 4.
        """
        super().__init__()
        top_hz = 0.4 * sample_rate if f_max_hz is None else f_max_hz
        if n_bands < 2 or not 0 < f_min_hz < top_hz:
            raise ConfigError(
                f"feature.params: n_bands {n_bands} must be at least 2, and f_min_hz {f_min_hz:g} must lie between 0 and f_max_hz "
                f"{top_hz:g}: change them"
            )
        centres_hz = [f_min_hz * (top_hz / f_min_hz) ** (band / (n_bands - 1)) for band in range(n_bands)]
        self.bank = MorletBank(sample_rate, hop, centres_hz, cycles)
        self.frame_s = hop / sample_rate
        self.statistics_shape: tuple[int, ...] = (1, n_bands, 1)

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 1, band, frame], frame = 1 + time // hop."""
        return exactly(self.bank, waveforms).unsqueeze(1)
