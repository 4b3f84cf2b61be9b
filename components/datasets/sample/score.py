"""A song's frame (key, metre, tempo, chords) and what a part plays in it (notes and controls)."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from components.datasets.sample.instruments import Preset

MODULATION, EXPRESSION, PITCH_BEND = 1, 11, -1
"""Controllers; pitch bend is no MIDI controller, so it takes a number that none has. Its value is in semitones."""

SCALES: dict[str, tuple[int, ...]] = {
    "major": (0, 2, 4, 5, 7, 9, 11),
    "minor": (0, 2, 3, 5, 7, 8, 10),
    "dorian": (0, 2, 3, 5, 7, 9, 10),
    "mixolydian": (0, 2, 4, 5, 7, 9, 10),
}
PROGRESSIONS: dict[str, tuple[tuple[int, ...], ...]] = {
    "major": ((0, 4, 5, 3), (0, 5, 3, 4), (0, 3, 4, 0), (1, 4, 0, 5), (0, 2, 3, 4)),
    "minor": ((0, 5, 2, 6), (0, 3, 4, 0), (0, 6, 5, 6), (3, 6, 2, 5)),
    "dorian": ((0, 3, 0, 3), (0, 1, 3, 0), (0, 6, 3, 0)),
    "mixolydian": ((0, 6, 3, 0), (0, 3, 6, 3), (0, 4, 6, 0)),
}
TEMPI_BPM: dict[str, tuple[int, int]] = {
    "cla": (60, 126),
    "cou_fol": (76, 132),
    "pop_roc": (84, 150),
    "lat_sou": (84, 132),
    "jaz_blu": (76, 176),
}


@dataclass(frozen=True)
class Note:
    """One key held: start and duration in seconds, MIDI key and velocity."""

    start_s: float
    duration_s: float
    key: int
    velocity: int


@dataclass(frozen=True)
class Control:
    """A controller set to a value at a time in seconds."""

    time_s: float
    controller: int
    value: float


@dataclass
class Part:
    """What one player plays."""

    preset: Preset
    notes: list[Note]
    controls: list[Control] = field(default_factory=list)


@dataclass(frozen=True)
class Song:
    """The frame that all parts of a song share.

    Args:
        tonic: pitch class, 0 to 11 (0 is C).
        chords: scale degree of each bar's root, 0 to 6, repeated to the end.
        swing: how late the second eighth of a beat comes, in beats beyond a half (0 is straight, 0.17 is triplet swing).
    """

    genre: str
    tonic: int
    mode: str
    beat_s: float
    beats: int
    chords: tuple[int, ...]
    swing: float
    length_s: float

    @property
    def bars(self) -> int:
        """Bars that cover the whole length."""
        return int(np.ceil(self.length_s / (self.beats * self.beat_s)))

    def time_s(self, bar: int, beat: float) -> float:
        """When a beat (from 0, fractions allowed) of a bar sounds, swing included."""
        whole, part = divmod(beat, 1.0)
        late = self.swing if abs(part - 0.5) < 0.01 else 0.0
        return float((bar * self.beats + whole + part + late) * self.beat_s)

    def scale(self, low: int, high: int) -> list[int]:
        """The scale's keys from low to high."""
        return [key for key in range(low, high + 1) if (key - self.tonic) % 12 in SCALES[self.mode]]

    def chord(self, bar: int, size: int = 3) -> list[int]:
        """Pitch classes of a bar's chord, root first, in thirds."""
        steps, root = SCALES[self.mode], self.chords[bar % len(self.chords)]
        return [(self.tonic + steps[(root + 2 * third) % 7]) % 12 for third in range(size)]

    def chord_keys(self, bar: int, low: int, high: int, size: int = 3) -> list[int]:
        """The chord's keys from low to high."""
        classes = self.chord(bar, size)
        return [key for key in range(low, high + 1) if key % 12 in classes]

    def strokes(self, cell: tuple[float, ...]) -> Iterator[tuple[float, float]]:
        """Beat and length in beats of a rhythm cell's notes; a negative length is a rest; cut at the bar line."""
        beat = 0.0
        for length in cell:
            if beat >= self.beats:
                return
            if length > 0:
                yield beat, min(length, self.beats - beat)
            beat += abs(length)


def draw_song(rng: np.random.Generator, genre: str, length_s: float = 10.0) -> Song:
    """Draw a song's frame in the manner of an IRMAS genre."""
    mode = str(rng.choice(["major", "minor", "dorian", "mixolydian"], p=[0.4, 0.3, 0.15, 0.15]))
    progressions = PROGRESSIONS[mode]
    return Song(
        genre=genre,
        tonic=int(rng.integers(12)),
        mode=mode,
        beat_s=60.0 / float(rng.uniform(*TEMPI_BPM[genre])),
        beats=3 if genre in ("cla", "cou_fol") and rng.random() < 0.3 else 4,
        chords=progressions[int(rng.integers(len(progressions)))],
        swing=float(rng.uniform(0.08, 0.17)) if genre == "jaz_blu" else 0.0,
        length_s=length_s,
    )
