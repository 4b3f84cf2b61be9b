"""The menu of features (`AudioTransforms`): waveform batch -> model input."""

from collections.abc import Callable

from components.features.contract import Feature
from components.features.mel_spectrogram import MelSpectrogram

FEATURES: dict[str, Callable[..., Feature]] = {"MEL_SPECTROGRAM": MelSpectrogram}

__all__ = ["FEATURES", "Feature", "MelSpectrogram"]
