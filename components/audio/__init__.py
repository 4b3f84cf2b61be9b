"""Bytes, a file or an array in; a mono waveform at the wanted rate out, decoded within limits and rounded the same way everywhere."""

from components.audio.ahead import Arrived, Fetchers
from components.audio.decode import DECODER_VERSION, Header, from_array, load, load_with_header, probe
from components.audio.limits import Limits, limits_of
from components.audio.rounding import Clip16, round16
from components.audio.source import Source, content_of, digest_of, name_of, near
from components.audio.windows import cut, window_starts

__all__ = [
    "DECODER_VERSION",
    "Arrived",
    "Clip16",
    "Fetchers",
    "Header",
    "Limits",
    "Source",
    "content_of",
    "cut",
    "digest_of",
    "from_array",
    "limits_of",
    "load",
    "load_with_header",
    "name_of",
    "near",
    "probe",
    "round16",
    "window_starts",
]
