"""MFCC: the shape of the mel spectrum, without the pitch."""

from torch import Tensor, nn

from components.errors import ConfigError
from components.features.exact import exactly
from components.features.mel_spectrogram import MelSpectrogram
from components.model_input import ModelInputDataType
from components.torch_builds import match_builds


class Mfcc(nn.Module):
    """[batch, time] -> [batch, 1, coefficient, frame]: cosine transform of the mel spectrogram in dB; frame i is centred on sample i * hop.

    Davis and Mermelstein (1980) with librosa's conventions: orthonormal DCT-II of Slaney's mel bands in dB, no lifter. The floor of the dB
    is MEL_SPECTROGRAM's, not 80 dB below the clip's loudest moment, which a window cannot know.
    """

    kind = ModelInputDataType.IMAGE
    channels = 1

    def __init__(
        self,
        sample_rate: int,
        n_mfcc: int = 40,
        n_fft: int = 1024,
        hop: int = 512,
        n_mels: int = 64,
        f_min_hz: float = 30.0,
        f_max_hz: float | None = None,
    ) -> None:
        """
        Args:
            n_mfcc: coefficients, from the 0th (loudness) up; at most n_mels.
            sample_rate, n_fft, hop, n_mels, f_min_hz, f_max_hz: as for MEL_SPECTROGRAM.
        Raises:
            ConfigError: if there are more coefficients than bands, or the bands do not fit.
        """
        super().__init__()
        self.mel = MelSpectrogram(sample_rate, n_fft, hop, n_mels, f_min_hz, f_max_hz)
        self.frame_s = self.mel.frame_s
        self.statistics_shape: tuple[int, ...] = (1, n_mfcc, 1)
        self.register_buffer("cosines", cosines(n_mfcc, n_mels), persistent=False)

    cosines: Tensor  # [coefficient, mel]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 1, n_mfcc, frame], frame = 1 + time // hop."""
        return exactly(lambda part: self.cosines @ self.mel(part), waveforms)


def cosines(n_mfcc: int, n_mels: int) -> Tensor:
    """The first rows of the orthonormal DCT-II, [coefficient, mel].

    Raises:
        ConfigError: if there are more coefficients than bands.
    """
    if not 0 < n_mfcc <= n_mels:
        raise ConfigError(f"feature.params: n_mfcc {n_mfcc} must lie between 1 and the {n_mels} mel bands: lower it or raise their number")
    match_builds()
    from torchaudio.functional import create_dct  # after match_builds(), or its extension does not load

    matrix: Tensor = create_dct(n_mfcc, n_mels, norm="ortho")
    return matrix.T.contiguous()
