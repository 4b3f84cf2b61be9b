"""Waveforms at the one rate that a feature is made for, whatever audio.sample_rate is."""

import math

from torch import Tensor, nn

from components.errors import ConfigError
from components.torch_builds import match_builds

LARGEST_KERNEL = 4_000_000  # numbers; 44.1 kHz to 16 kHz takes 85,000


class Resample(nn.Module):
    """[batch, time] -> [batch, ceil(time * to_hz / from_hz)] by a windowed sinc; the same waveforms where the rates are equal.

    The sinc spans 32 zero crossings under a Kaiser window: pass band to 0.89 of the lower Nyquist rate.
    """

    def __init__(self, from_hz: int, to_hz: int, what: str) -> None:
        """
        Args:
            what: the feature that wants it, for the error.
        Raises:
            ConfigError: if the rates have no small ratio.
        """
        super().__init__()
        divisor = math.gcd(from_hz, to_hz)
        self.step, self.phases = from_hz // divisor, to_hz // divisor
        if self.step * self.phases > LARGEST_KERNEL:
            raise ConfigError(f"{what} hears {to_hz} Hz, which audio.sample_rate {from_hz} is no simple ratio of: set it to {to_hz}")
        self.register_buffer("kernel", None, persistent=False)
        if from_hz != to_hz:
            self.kernel, self.reach = _kernel(from_hz, to_hz)

    kernel: Tensor | None  # [tap, phase]

    def forward(self, waveforms: Tensor) -> Tensor:
        if self.kernel is None:
            return waveforms
        samples = waveforms.shape[-1]
        padded = nn.functional.pad(waveforms, (self.reach, self.reach + self.step))
        # A matrix product, not a convolution: cuDNN would round to TF32.
        resampled = padded.unfold(-1, self.kernel.shape[0], self.step) @ self.kernel
        return resampled.flatten(1)[:, : -(-samples * self.phases // self.step)]


def _kernel(from_hz: int, to_hz: int) -> tuple[Tensor, int]:
    """Taps [tap, phase], and how many of them lie before the first sample."""
    match_builds()
    from torchaudio.transforms import Resample as Sinc  # after match_builds(), or its extension does not load

    sinc = Sinc(from_hz, to_hz, "sinc_interp_kaiser", lowpass_filter_width=16, rolloff=0.945, beta=8.555)
    taps: Tensor = sinc.kernel[:, 0]
    return taps.T.contiguous(), int(sinc.width)
