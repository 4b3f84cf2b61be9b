"""AST: Kaldi's filterbank as the Audio Spectrogram Transformer was trained on it."""

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.features.exact import exactly
from components.features.resample import Resample
from components.model_input import ModelInputDataType
from components.torch_builds import match_builds

RATE = 16_000
FRAME, HOP, N_FFT = 400, 160, 512  # 25 ms, 10 ms, and the next power of two
BANDS = 128
PREEMPHASIS = 0.97
FLOOR = torch.finfo(torch.float32).eps  # Kaldi's
MEAN, STD = -4.2677393, 4.5689974  # of AudioSet's


class AstFilterbank(nn.Module):
    """[batch, time] -> [batch, 1, 128, frame], mean 0 and deviation 0.5 on AudioSet; frame i covers samples i * 160 to i * 160 + 400.

    The numbers of transformers' ASTFeatureExtractor (AST, arXiv:2104.01778): logarithms of 128 Kaldi mel bands from 20 Hz, Hann frames of
    25 ms every 10 ms, DC removed and pre-emphasised. Waveforms at another rate than 16 kHz are resampled first. The statistics are the
    paper's, so none are measured.
    """

    kind = ModelInputDataType.IMAGE
    channels = 1
    frame_s = HOP / RATE
    statistics_shape: tuple[int, ...] = ()

    def __init__(self, sample_rate: int, n_frames: int | None = None) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz; 16000 needs no resampling.
            n_frames: shorter spectrograms are filled up and longer ones cut to it, as the extractor does with 1024; None leaves them.
        Raises:
            ConfigError: if n_frames is below 1, or the rate has no small ratio to 16 kHz.
        """
        super().__init__()
        if n_frames is not None and n_frames < 1:
            raise ConfigError(f"feature.params: n_frames {n_frames} must be above 0: raise it, or leave it out")
        self.n_frames = n_frames
        self.resample = Resample(sample_rate, RATE, "AST")
        self.register_buffer("window", torch.hann_window(FRAME, periodic=False), persistent=False)
        self.register_buffer("filters", _filters(), persistent=False)

    window: Tensor
    filters: Tensor  # [bin, band]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 1, 128, frame], frame = 1 + (time - 400) // 160 at 16 kHz; less than a frame is filled with silence."""
        return exactly(self._filterbank, waveforms)

    def _filterbank(self, waveforms: Tensor) -> Tensor:
        waveforms = self.resample(waveforms)
        padded = nn.functional.pad(waveforms, (0, max(0, FRAME - waveforms.shape[-1])))
        frames = padded.unfold(-1, FRAME, HOP)
        frames = frames - frames.mean(dim=-1, keepdim=True)
        before = torch.cat([frames[..., :1], frames[..., :-1]], dim=-1)
        spectrum = torch.fft.rfft(nn.functional.pad((frames - PREEMPHASIS * before) * self.window, (0, N_FFT - FRAME)))
        bands = (spectrum.real.square() + spectrum.imag.square()) @ self.filters
        logarithms = torch.log(bands.clamp(min=FLOOR)).transpose(1, 2).unsqueeze(1)
        if self.n_frames is not None:
            logarithms = nn.functional.pad(logarithms, (0, self.n_frames - logarithms.shape[-1]))  # a negative pad cuts
        return (logarithms - MEAN) / (2 * STD)


def _filters() -> Tensor:
    """Triangles on Kaldi's mel scale, [bin, band]."""
    match_builds()
    from torchaudio.compliance.kaldi import get_mel_banks  # after match_builds(), or its extension does not load

    filters: Tensor = get_mel_banks(BANDS, N_FFT, float(RATE), 20.0, 0.0, 100.0, -500.0, 1.0)[0]
    return nn.functional.pad(filters, (0, 1)).T.contiguous()  # the bin at half the sample rate belongs to no band
