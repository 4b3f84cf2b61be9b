"""WAV2VEC: the waveform itself, for models that begin with layers of their own."""

import torch
from torch import Tensor, nn

from components.features.exact import exactly
from components.features.resample import Resample
from components.model_input import ModelInputDataType

RATE = 16_000
FLOOR = 1e-7  # of the variance: silence stays 0


class Wav2Vec(nn.Module):
    """[batch, time] -> [batch, time at 16 kHz], each item of mean 0 and variance 1.

    The numbers of transformers' Wav2Vec2FeatureExtractor (wav2vec 2.0, arXiv:2006.11477). Waveforms at another rate than 16 kHz are
    resampled first. Each window has its own mean and variance, so none are measured.
    """

    kind = ModelInputDataType.WAVEFORM
    channels = 1
    frame_s = 1 / RATE
    statistics_shape: tuple[int, ...] = ()

    def __init__(self, sample_rate: int) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz; 16000 needs no resampling.
        Raises:
            ConfigError: if the rate has no small ratio to 16 kHz.
        """
        super().__init__()
        self.resample = Resample(sample_rate, RATE, "WAV2VEC")

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, ceil(time * 16000 / sample_rate)]."""
        return exactly(self._standard, waveforms)

    def _standard(self, waveforms: Tensor) -> Tensor:
        waveforms = self.resample(waveforms)
        centred = waveforms - waveforms.mean(dim=-1, keepdim=True)
        return centred * torch.rsqrt(centred.square().mean(dim=-1, keepdim=True) + FLOOR)
