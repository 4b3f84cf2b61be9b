"""Single lines: a tune in phrases, the same tune in thirds below or above, long held notes beneath it."""

import numpy as np

from components.datasets.sample.score import Note, Song

CELLS: tuple[tuple[float, ...], ...] = (
    (1, 1, 1, 1),
    (1, 0.5, 0.5, 1, 1),
    (0.5, 0.5, 1, 0.5, 0.5, 1),
    (1.5, 0.5, 1, 1),
    (2, 1, 1),
    (1, 1, 2),
    (0.5, 0.5, 0.5, 0.5, 1, 1),
    (1.5, 0.5, 1.5, 0.5),
    (0.5, 1, 0.5, 1, 1),
    (0.25, 0.25, 0.5, 1, 0.5, 0.5, 1),
    (0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5),
    (3, 1),
)
LONG_CELLS: tuple[tuple[float, ...], ...] = ((4,), (2, 2), (3, 1), (1, 3), (1.5, 2.5))
STEPS, STEP_CHANCES = (-4, -3, -2, -1, 0, 1, 2, 3, 4), (0.03, 0.05, 0.14, 0.24, 0.06, 0.24, 0.14, 0.06, 0.04)


def nearest(keys: list[int], key: int) -> int:
    """The key of a list that lies nearest."""
    return min(keys, key=lambda other: (abs(other - key), other))


def register(rng: np.random.Generator, low: int, high: int, span: int) -> tuple[int, int]:
    """A window of keys of at most `span` semitones, placed at random in a range."""
    start = int(rng.integers(low, max(low, high - span) + 1))
    return start, min(high, start + span)


def tune(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int, breath: bool) -> list[Note]:
    """A tune of two rhythm cells (AABA), a walk along the scale that lands on chord keys on strong beats."""
    low, high = register(rng, low, high, int(rng.integers(14, 21)))
    scale = song.scale(low, high)
    cells = [CELLS[int(index)] for index in rng.choice(len(CELLS), 2, replace=False)]
    gate = float(rng.choice([1.02, 0.92, 0.6], p=[0.5, 0.35, 0.15]))
    place = int(rng.integers(len(scale) // 3, max(len(scale) // 3 + 1, 2 * len(scale) // 3)))
    notes: list[Note] = []
    for bar in range(song.bars):
        arch = 8 * np.sin(np.pi * (bar % 4 + 0.5) / 4)
        strokes = list(song.strokes(cells[bar % 4 == 2]))
        for number, (beat, length) in enumerate(strokes):
            place = _reflect(place + int(rng.choice(STEPS, p=STEP_CHANCES)), len(scale))
            key = scale[place]
            if beat in (0.0, 2.0):
                key = nearest(song.chord_keys(bar, low, high), key)
                place = scale.index(nearest(scale, key))
            held = gate * length
            if breath and bar % 2 == 1 and number == len(strokes) - 1:
                held = max(0.5 * length, length - 0.5)
            accent = 6 if beat == 0 else 2 if beat == 2 else -4 if beat % 1 else 0
            notes.append(_played(rng, song, (bar, beat), held, key, velocity + accent + arch))
    return notes


def harmony(rng: np.random.Generator, song: Song, lead: list[Note], low: int, high: int, velocity: int) -> list[Note]:
    """A second voice in thirds or sixths with a tune, moved by octaves into its own range."""
    scale = song.scale(0, 127)
    shift = int(rng.choice([-2, 2, -5, -4]))
    moved = [scale[_reflect(scale.index(nearest(scale, note.key)) + shift, len(scale))] for note in lead]
    octave = 12 * round(((low + high) / 2 - float(np.mean(moved))) / 12)
    return [
        Note(
            max(0.0, note.start_s + float(rng.normal(0.0, 0.015))),
            note.duration_s,
            fold(key + octave, low, high),
            _loud(rng, velocity),
        )
        for note, key in zip(lead, moved, strict=True)
    ]


def held(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """A slow line of chord keys that moves as little as it can."""
    low, high = register(rng, low, high, 16)
    key = (low + high) // 2
    cells = [LONG_CELLS[int(index)] for index in rng.choice(len(LONG_CELLS), 2, replace=False)]
    notes: list[Note] = []
    for bar in range(song.bars):
        for beat, length in song.strokes(cells[bar % 2]):
            choices = song.chord_keys(bar, low, high, size=int(rng.choice([3, 4], p=[0.75, 0.25])))
            others = [choice for choice in choices if choice != key] or choices
            key = nearest(others, key + int(rng.integers(-3, 4)))
            notes.append(_played(rng, song, (bar, beat), 0.97 * length, key, velocity))
    return notes


def fold(key: int, low: int, high: int) -> int:
    """Move a key by octaves into a range of at least an octave."""
    while key < low:
        key += 12
    while key > high:
        key -= 12
    return key


def _reflect(place: int, size: int) -> int:
    """Bounce an index off both ends of a list."""
    period = max(1, 2 * (size - 1))
    place %= period
    return min(place, period - place)


def _loud(rng: np.random.Generator, velocity: float) -> int:
    return int(np.clip(round(velocity + rng.normal(0.0, 5.0)), 20, 127))


def _played(rng: np.random.Generator, song: Song, when: tuple[int, float], beats: float, key: int, velocity: float) -> Note:
    """A note as a person plays it: a few milliseconds off, never quite as loud as asked."""
    start_s = max(0.0, song.time_s(*when) + float(rng.normal(0.0, 0.008)))
    return Note(start_s, max(0.06, beats * song.beat_s), key, _loud(rng, velocity))
