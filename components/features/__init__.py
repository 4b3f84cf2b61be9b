"""The menu of features (`AudioTransforms`): waveform batch -> model input."""

from collections.abc import Callable

from components.features.aisfx_mel import AisfxMel
from components.features.contract import Feature
from components.features.mel_spectrogram import MelSpectrogram

FEATURES: dict[str, Callable[..., Feature]] = {
    "AISFX_MEL": AisfxMel,
    "MEL_SPECTROGRAM": MelSpectrogram,
}

__all__ = ["FEATURES", "AisfxMel", "Feature", "MelSpectrogram"]
