"""The menu of features (`AudioTransforms`): waveform batch -> model input."""

from collections.abc import Callable

from components.features.aisfx_mel import AisfxMel
from components.features.ast_filterbank import AstFilterbank
from components.features.contract import Feature
from components.features.mel_spectrogram import MelSpectrogram
from components.features.mfcc import Mfcc
from components.features.multi_spectrogram import MultiSpectrogram
from components.features.wav2vec import Wav2Vec
from components.features.wavelet import Wavelet

FEATURES: dict[str, Callable[..., Feature]] = {
    "MEL_SPECTROGRAM": MelSpectrogram,
    "MULTI_SPECTROGRAM": MultiSpectrogram,
    "MFCC": Mfcc,
    "WAVELET": Wavelet,
    "AST": AstFilterbank,
    "WAV2VEC": Wav2Vec,
    "AISFX_MEL": AisfxMel,
}

__all__ = ["FEATURES", "AisfxMel", "AstFilterbank", "Feature", "MelSpectrogram", "Mfcc", "MultiSpectrogram", "Wav2Vec", "Wavelet"]
