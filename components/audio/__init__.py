"""Bytes, a file or an array in; a mono waveform at the wanted rate out, decoded within limits and rounded the same way everywhere."""

from components.audio.decode import DECODER_VERSION, Header, from_array, load, load_with_header, probe
from components.audio.limits import Limits
from components.audio.rounding import Clip16, round16
from components.audio.source import Source, name_of
from components.audio.windows import cut, window_starts

__all__ = [
    "DECODER_VERSION",
    "Clip16",
    "Header",
    "Limits",
    "Source",
    "cut",
    "from_array",
    "load",
    "load_with_header",
    "name_of",
    "probe",
    "round16",
    "window_starts",
]
