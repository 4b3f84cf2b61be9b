"""What every feature is: a module without weights that turns a batch of waveforms into a model's input."""

from typing import Protocol

from torch import Tensor

from components.model_input import ModelInputDataType


class Feature(Protocol):
    """[batch, time] -> [batch, channel, freq, frame] (IMAGE) or [batch, time] (WAVEFORM), in float32."""

    kind: ModelInputDataType
    channels: int
    frame_s: float  # seconds from one frame of the output to the next
    statistics_shape: tuple[int, ...]  # of the output's mean and deviation, broadcast against one item; () = not to be normalised

    def __call__(self, waveforms: Tensor) -> Tensor: ...
