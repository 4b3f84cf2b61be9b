"""MULTI_SPECTROGRAM: three views of the same moment as channels of one picture."""

import torch
from torch import Tensor, nn

from components.errors import ConfigError
from components.features.exact import exactly
from components.features.mel_spectrogram import MelSpectrogram
from components.features.mfcc import cosines
from components.features.morlet import MorletBank
from components.model_input import ModelInputDataType

BANDS_PER_OCTAVE = 12
CYCLES = 19.0  # a Gaussian as wide as the Hann window of a constant-Q transform of 12 bands an octave (Brown, 1991)


class MultiSpectrogram(nn.Module):
    """[batch, time] -> [batch, 3, row, frame]: mel spectrogram, MFCC and constant-Q spectrum; frame i is centred on sample i * hop.

    Mel says where the energy is, MFCC what shape its envelope has, constant-Q (a row a semitone) which notes sound. The rows of MFCC
    are repeated until they are as many as the others.
    """

    kind = ModelInputDataType.IMAGE
    channels = 3

    def __init__(
        self,
        sample_rate: int,
        n_rows: int = 84,
        n_mfcc: int = 21,
        n_fft: int = 2048,
        hop: int = 512,
        f_min_hz: float = 30.0,
        f_max_hz: float | None = None,
        lowest_note_hz: float = 32.703,
    ) -> None:
        """
        Args:
            sample_rate: of the waveforms, in Hz.
            n_rows: mel bands, and semitones from lowest_note_hz up: 84 are seven octaves.
            n_mfcc: coefficients, from the 0th up; at most n_rows.
            n_fft, hop, f_min_hz, f_max_hz: of the mel bands, as for MEL_SPECTROGRAM.
            lowest_note_hz: of the constant-Q spectrum; C1 by default.
        Raises:
            ConfigError: if the bands, the coefficients or the notes do not fit.
        """
        super().__init__()
        self.mel = MelSpectrogram(sample_rate, n_fft, hop, n_rows, f_min_hz, f_max_hz)
        notes_hz = [lowest_note_hz * 2 ** (row / BANDS_PER_OCTAVE) for row in range(n_rows)]
        if notes_hz[-1] > sample_rate / 2:
            raise ConfigError(
                f"feature.params: {n_rows} semitones from {lowest_note_hz:g} Hz end at {notes_hz[-1]:.0f} Hz, above half of "
                f"audio.sample_rate: lower n_rows or lowest_note_hz"
            )
        self.notes = MorletBank(sample_rate, hop, notes_hz, CYCLES)
        self.frame_s = hop / sample_rate
        self.statistics_shape: tuple[int, ...] = (3, n_rows, 1)
        repeated = torch.arange(n_rows) * n_mfcc // n_rows
        self.register_buffer("cosines", cosines(n_mfcc, n_rows)[repeated], persistent=False)

    cosines: Tensor  # [row, mel]

    def forward(self, waveforms: Tensor) -> Tensor:
        """[batch, time] -> [batch, 3, row, frame], frame = 1 + time // hop."""
        return exactly(self._views, waveforms)

    def _views(self, waveforms: Tensor) -> Tensor:
        mel: Tensor = self.mel(waveforms)
        return torch.cat([mel, self.cosines @ mel, self.notes(waveforms).unsqueeze(1)], dim=1)
