"""What a feature gives and a backbone takes."""

from enum import StrEnum


class ModelInputDataType(StrEnum):
    """IMAGE is [batch, channel, freq, frame], WAVEFORM is [batch, time]."""

    IMAGE = "IMAGE"
    WAVEFORM = "WAVEFORM"
