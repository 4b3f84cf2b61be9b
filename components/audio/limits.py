"""How much audio one clip may hold: checked against the header before decoding, and against what comes while decoding."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from components.errors import AudioError

if TYPE_CHECKING:  # what decodes knows no configuration
    from components.config import AudioConfig

MIN_RATE_HZ, MAX_RATE_HZ = 100, 768_000
BYTES_PER_VALUE = 4  # libsndfile decodes to float32


@dataclass(frozen=True)
class Limits:
    """Longest clip, and most bytes of it as float32 PCM with all its channels at its own rate.

    Args:
        spend: told of each block that was decoded: samples a channel, rate, channels. What it raises ends the decoding.
    """

    max_duration_s: float = 600.0
    max_pcm_bytes: int = 256 * 2**20
    spend: Callable[[int, int, int], object] | None = None

    def check(self, frames: int, sample_rate: int, channels: int, name: str) -> None:
        """Refuse what is too much.

        Args:
            frames: samples a channel, announced or decoded so far.
            name: of the source, for the error.
        Raises:
            AudioError: if a limit is passed.
        """
        if frames > self.max_duration_s * sample_rate:
            raise AudioError(
                f"{name} lasts {frames / sample_rate:.1f} s or more, and {self.max_duration_s:g} s are allowed: "
                "cut it, or have the limit raised (audio.max_duration_s, for a service TIMBRE_MAX_CLIP_SECONDS)"
            )
        if frames * channels * BYTES_PER_VALUE > self.max_pcm_bytes:
            raise AudioError(
                f"{name} holds {frames * channels * BYTES_PER_VALUE / 2**20:.1f} MiB of PCM or more ({channels} channels at "
                f"{sample_rate} Hz), and {self.max_pcm_bytes / 2**20:g} MiB are allowed: "
                "cut it, or have the limit raised (audio.max_pcm_mib, for a service TIMBRE_MAX_PCM_MIB)"
            )


def limits_of(audio: "AudioConfig") -> Limits:
    """The limits that a configuration sets."""
    return Limits(audio.max_duration_s, round(audio.max_pcm_mib * 2**20))


def check_rate(sample_rate: float, name: str) -> None:
    """Refuse a rate that no recording has.

    Raises:
        AudioError: if the rate lies outside 100 Hz to 768 kHz.
    """
    if not MIN_RATE_HZ <= sample_rate <= MAX_RATE_HZ:
        raise AudioError(f"{name} has a sample rate of {sample_rate:g} Hz: it must lie between {MIN_RATE_HZ} and {MAX_RATE_HZ} Hz")
