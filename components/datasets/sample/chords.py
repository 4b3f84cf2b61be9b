"""Chord accompaniments of guitar, organ, piano and choir: one function a style, and the menu of them."""

from collections.abc import Callable

import numpy as np

from components.datasets.sample.score import Note, Song

Style = Callable[[np.random.Generator, Song, int, int, int], list[Note]]

STRUMS: tuple[tuple[float, ...], ...] = ((1, 0.5, 0.5, 0.5, 0.5, 1), (1, 1, 0.5, 0.5, 1), (1, 0.5, 1, 0.5, 1), (2, 1, 0.5, 0.5))
COMPS: tuple[tuple[float, ...], ...] = ((-0.5, 1, 0.5, 1, -0.5, 0.5), (1.5, 1.5, 1), (-1, 1, -0.5, 1, 0.5), (1, -0.5, 1.5, 1))
BLOCKS: tuple[tuple[float, ...], ...] = ((1, 1, 1, 1), (2, 2), (1, 1, 2), (4,), (2, 1, 1))


def voicing(song: Song, bar: int, low: int, high: int, count: int, size: int = 3) -> list[int]:
    """Up to `count` neighbouring chord keys around the middle of a range, lowest first."""
    keys = song.chord_keys(bar, low, high, size)
    start = max(0, (len(keys) - count) // 2)
    return keys[start : start + count]


def strum(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Four to six strings struck one after the other, down on the beat and up off it."""
    cell, count = _pick(rng, STRUMS), int(rng.integers(4, 7))
    spread_s = float(rng.uniform(0.008, 0.022))
    notes: list[Note] = []
    for bar in range(song.bars):
        keys = voicing(song, bar, low, min(high, low + 30), count)
        for beat, length in song.strokes(cell):
            up = bool(beat % 1)
            order = keys[::-1][:4] if up else keys
            for rank, key in enumerate(order):
                start_s = song.time_s(bar, beat) + rank * spread_s
                notes.append(Note(start_s, length * song.beat_s, key, _loud(rng, velocity - 10 * up)))
    return notes


def arpeggio(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Broken chords that ring on to the bar's end."""
    step = float(rng.choice([0.5, 0.5, 0.25])) if song.beat_s > 0.5 else 0.5
    order = [(0, 1, 2, 3, 4, 3, 2, 1), (0, 2, 1, 3, 2, 4, 3, 1), (0, 3, 2, 4, 1, 3, 2, 3)][int(rng.integers(3))]
    shift = int(rng.integers(0, 8))
    notes: list[Note] = []
    for bar in range(song.bars):
        keys = voicing(song, bar, low + shift, min(high, low + shift + 30), 5)
        for index in range(int(song.beats / step)):
            left = song.beats - index * step
            key = keys[order[index % 8] % len(keys)]
            notes.append(
                Note(song.time_s(bar, index * step), min(left, 2.0) * song.beat_s, key, _loud(rng, velocity + (4 if index == 0 else 0)))
            )
    return notes


def block(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Whole chords on the beat."""
    return _hits(rng, song, (low, high), velocity, _pick(rng, BLOCKS), float(rng.choice([0.95, 0.6])))


def comp(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Syncopated seventh chords."""
    return _hits(rng, song, (low + 5, high), velocity, _pick(rng, COMPS), float(rng.choice([0.9, 0.7])), size=4)


def pad(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Chords held for the whole bar."""
    return _hits(rng, song, (low, high), velocity, (song.beats,), 0.98)


def alberti(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Low, high, middle, high: the left hand of a classical sonata, with its root doubled below."""
    bottom = int(np.clip(48 + rng.integers(-4, 8), low, high - 16))
    notes: list[Note] = []
    for bar in range(song.bars):
        keys = voicing(song, bar, bottom, bottom + 16, 3)
        for index in range(2 * song.beats):
            key = keys[(0, 2, 1, 2)[index % 4]]
            notes.append(Note(song.time_s(bar, index / 2), 0.55 * song.beat_s, key, _loud(rng, velocity + (5 if index == 0 else 0))))
    return notes


def power(rng: np.random.Generator, song: Song, low: int, high: int, velocity: int) -> list[Note]:
    """Root, fifth and octave in driving eighths or held."""
    cell = _pick(rng, ((0.5,) * 8, (1, 1, 1, 1), (1.5, 0.5, 1.5, 0.5), (2, 2)))
    notes: list[Note] = []
    for bar in range(song.bars):
        root = next(key for key in range(low, low + 12) if key % 12 == song.chord(bar)[0])
        for beat, length in song.strokes(cell):
            for key in (root, root + 7, root + 12):
                notes.append(Note(song.time_s(bar, beat), 0.92 * length * song.beat_s, key, _loud(rng, velocity)))
    return notes


STYLES: dict[str, Style] = {
    "strum": strum,
    "arpeggio": arpeggio,
    "block": block,
    "comp": comp,
    "pad": pad,
    "alberti": alberti,
    "power": power,
}


def _hits(
    rng: np.random.Generator,
    song: Song,
    keys: tuple[int, int],
    velocity: int,
    cell: tuple[float, ...],
    gate: float,
    size: int = 3,
) -> list[Note]:
    """A cell's chords: three or four keys in the middle of the range, shifted once for the song, with the root below half of the time."""
    centre = int(np.clip(60 + rng.integers(-7, 10), keys[0] + 9, keys[1] - 9))
    count, rooted = int(rng.integers(3, 5)), bool(rng.random() < 0.5)
    notes: list[Note] = []
    for bar in range(song.bars):
        chord = voicing(song, bar, centre - 9, centre + 9, count, size)
        if rooted:
            roots = [key for key in range(keys[0], centre - 9) if key % 12 == song.chord(bar)[0]]
            chord = roots[-1:] + chord
        for beat, length in song.strokes(cell):
            start_s = song.time_s(bar, beat)
            notes += [
                Note(max(0.0, start_s + float(rng.normal(0, 0.006))), gate * length * song.beat_s, key, _loud(rng, velocity))
                for key in chord
            ]
    return notes


def _pick(rng: np.random.Generator, cells: tuple[tuple[float, ...], ...]) -> tuple[float, ...]:
    return cells[int(rng.integers(len(cells)))]


def _loud(rng: np.random.Generator, velocity: float) -> int:
    return int(np.clip(round(velocity + rng.normal(0.0, 5.0)), 20, 127))
