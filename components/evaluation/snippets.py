"""A few seconds of the worst clips, encoded small enough to lie in an HTML page."""

import base64
import io
from dataclasses import dataclass

import numpy as np
import soundfile

from components.evaluation.judgement import Waveform, WorstClip

LONGEST_S = 6.0
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)


@dataclass(frozen=True)
class Snippet:
    """Encoded sound, and where in the clip it lies."""

    uri: str  # data:audio/...;base64,...
    start_s: float
    end_s: float


def snippet(clip: WorstClip, label: int) -> Snippet:
    """The part of a clip around the window in which `label` scores highest: where it was heard, or nearly."""
    rate, length = clip.sample_rate, len(clip.waveform)
    peak = int(np.argmax(clip.windows.scores[:, label]))
    middle_s = float(clip.windows.starts_s[peak]) + clip.windows.length_s / 2
    wanted = min(length, int(LONGEST_S * rate))
    first = int(np.clip(round(middle_s * rate) - wanted // 2, 0, length - wanted))
    part = clip.waveform[first : first + wanted]
    return Snippet(encode(part, rate), first / rate, (first + wanted) / rate)


def encode(waveform: Waveform, sample_rate: int) -> str:
    """[time] as a data URI: MP3, which every browser plays, or Ogg Vorbis where libsndfile or the rate does not allow it."""
    mp3 = sample_rate in MP3_RATES and "MP3" in soundfile.available_formats()
    made = io.BytesIO()
    kind, form, subtype = ("audio/mpeg", "MP3", "MPEG_LAYER_III") if mp3 else ("audio/ogg", "OGG", "VORBIS")
    with soundfile.SoundFile(made, "w", sample_rate, 1, subtype, format=form, compression_level=0.4) as file:
        file.write(np.clip(waveform, -1, 1))
    return f"data:{kind};base64,{base64.b64encode(made.getvalue()).decode()}"
