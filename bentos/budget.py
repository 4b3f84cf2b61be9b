"""What one request may still have decoded. Each block of each clip is charged as it is decoded, also of clips that fail later."""

import threading

from bentos.errors import Refused
from components.audio.limits import BYTES_PER_VALUE
from components.errors import TimbreError

MIB = 2**20


class StoppedError(TimbreError):
    """Nobody waits for the work any more."""


class Budget:
    """For use from any thread.

    Args:
        seconds: of audio.
        pcm_bytes: of float32 samples, all channels, at the clips' own rates.
    """

    def __init__(self, seconds: float, pcm_bytes: int) -> None:
        self._seconds, self._pcm_bytes = seconds, pcm_bytes
        self._left_s, self._left_bytes = seconds, pcm_bytes
        self._lock = threading.Lock()
        self._stopped = False

    def spend(self, frames: int, sample_rate: int, channels: int) -> None:
        """Take note of samples that were decoded.

        Raises:
            Refused: 413 if that was more than there is.
            StoppedError: after `stop`.
        """
        self.check()
        with self._lock:
            self._left_s -= frames / sample_rate
            self._left_bytes -= frames * channels * BYTES_PER_VALUE
            if self._left_s < 0:
                raise Refused(413, f"the request holds more than {self._seconds:g} s of audio: send it in parts")
            if self._left_bytes < 0:
                raise Refused(413, f"the request holds more than {self._pcm_bytes / MIB:g} MiB of decoded audio: send it in parts")

    def stop(self) -> None:
        """Have whatever still works for the request end soon."""
        self._stopped = True

    def check(self) -> None:
        """Go on, or not.

        Raises:
            StoppedError: after `stop`.
        """
        if self._stopped:
            raise StoppedError("nobody waits for this any more")
