"""AISFX_MEL: the mel spectrogram that CNN9 of aiSFX was trained on."""

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.model_input import ModelInputDataType
from components.torch_builds import match_builds

SAMPLE_RATE = 44100
N_FFT, HOP, N_MELS = 2048, 1024, 96
GAIN = 1e4
LARGEST = 9.457798957824707  # the greatest log10(GAIN * mel + 1) in the recordings that aiSFX was trained on
WINDOWS_AT_ONCE = 4


class AisfxMel(nn.Module):
    """[batch, time] at 44.1 kHz -> [batch, 1, 96, frame], log10(1e4 mel + 1) / 9.458; frame i is centred on sample 1024 i, 0 is silence.

    Hann windows of 2,048 samples, |rfft|^2, 96 bands on the HTK mel scale from 0 to 22,050 Hz that each sum to 1 (Ma and Lerch,
    Representation Learning for the Automatic Indexing of Sound Effects Libraries, ISMIR 2022). Nothing is measured on the training
    data: the network knows these numbers. 100 frames, what it saw at once, are 2.3 s.
    """

    kind = ModelInputDataType.IMAGE
    channels = 1
    frame_s = HOP / SAMPLE_RATE
    statistics_shape: tuple[int, ...] = ()

    def __init__(self, sample_rate: int) -> None:
        """
        Raises:
            ConfigError: if the sample rate is not 44,100 Hz.
        """
        super().__init__()
        if sample_rate != SAMPLE_RATE:
            raise ConfigError(f"AISFX_MEL takes {SAMPLE_RATE} Hz and audio.sample_rate is {sample_rate}: set it to {SAMPLE_RATE}")
        # Both follow from the constants above, so the weight file need not carry them.
        self.register_buffer("window", torch.hann_window(N_FFT), persistent=False)
        self.register_buffer("filters", _filters(), persistent=False)

    window: Tensor
    filters: Tensor  # [bin, mel]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 1, 96, frame], frame = 1 + time // 1024."""
        with torch.autocast(waveforms.device.type, enabled=False):  # a power spectrum spans more decades than bfloat16 keeps apart
            if waveforms.device.type != "cpu":
                return self._logarithms(waveforms.float())
            return torch.cat([self._logarithms(part) for part in torch.split(waveforms.float(), WINDOWS_AT_ONCE)])  # what the cache holds

    def _logarithms(self, waveforms: Tensor) -> Tensor:
        padded = nn.functional.pad(waveforms, (N_FFT // 2, N_FFT // 2))
        spectrum = torch.fft.rfft(padded.unfold(-1, N_FFT, HOP) * self.window)
        power = spectrum.real.square() + spectrum.imag.square()
        levels = torch.log10(GAIN * (power @ self.filters) + 1) / LARGEST
        return levels.transpose(1, 2).unsqueeze(1)


def _filters() -> Tensor:
    match_builds()
    from torchaudio.functional import melscale_fbanks  # after match_builds(), or its extension does not load

    filters: Tensor = melscale_fbanks(N_FFT // 2 + 1, 0.0, SAMPLE_RATE / 2, N_MELS, SAMPLE_RATE, norm=None, mel_scale="htk")
    return filters / filters.sum(dim=0)
