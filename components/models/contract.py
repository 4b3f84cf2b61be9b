"""What every backbone and every head is."""

from typing import Protocol

from torch import Tensor

from components.model_input import ModelInputDataType


class Backbone(Protocol):
    """[batch, channel, freq, frame] -> [batch, width, frame'] (or from [batch, time], where `accepts` is WAVEFORM).

    What it wraps, if anything, is its `trunk`, or its `trunks` where several run side by side: layers are named from there
    (components/models/layers.py). Parameters that come without requires_grad are meant to stay as they are.
    """

    width: int
    accepts: ModelInputDataType

    def __call__(self, inputs: Tensor) -> Tensor: ...


class Head(Protocol):
    """[batch, width, frame'] -> logits [batch, label], in float32."""

    def __call__(self, frames: Tensor) -> Tensor: ...
