"""Players that carry no label: bass, drums, and a colour such as harp or marimba."""

import numpy as np

from components.datasets.sample.chords import arpeggio, pad
from components.datasets.sample.instruments import BASSES, COLOURS, DRUM_KITS, Preset
from components.datasets.sample.score import Note, Part, Song

KICK, STICK, SNARE, BRUSH, HAT, OPEN_HAT, RIDE, CONGA, LOW_CONGA, CLAVES, SHAKER = 36, 37, 38, 40, 42, 46, 51, 63, 64, 75, 82

GROOVES: dict[str, tuple[dict[int, tuple[float, ...]], ...]] = {
    "pop_roc": (
        {KICK: (0, 2), SNARE: (1, 3), HAT: (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)},
        {KICK: (0, 1.5, 2.5), SNARE: (1, 3), HAT: (0, 1, 2, 3), OPEN_HAT: (3.5,)},
    ),
    "jaz_blu": ({KICK: (0,), HAT: (1, 3), RIDE: (0, 1, 1.5, 2, 3, 3.5)}, {KICK: (0, 2), STICK: (3,), RIDE: (0, 1, 1.5, 2, 3, 3.5)}),
    "lat_sou": (
        {KICK: (0, 1.5, 2, 3.5), STICK: (0, 1.5, 3), SHAKER: (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)},
        {CONGA: (0.5, 1, 2.5), LOW_CONGA: (3, 3.5), CLAVES: (0, 1.5, 3), KICK: (0, 2)},
    ),
    "cou_fol": ({KICK: (0, 2), BRUSH: (1, 3), SHAKER: (0, 0.5, 1, 1.5, 2, 2.5, 3, 3.5)}, {KICK: (0, 2), STICK: (1, 3)}),
}
"""Drum keys and the beats on which they sound, one bar long."""


def drums(rng: np.random.Generator, song: Song) -> Part:
    """A groove of the song's genre.

    Raises:
        KeyError: for classical music, which has no drum kit.
    """
    kits, grooves = DRUM_KITS[song.genre], GROOVES[song.genre]
    preset = Preset(int(rng.choice(kits)), 35, 82, bank=128)
    groove = grooves[int(rng.integers(len(grooves)))]
    notes = [
        Note(song.time_s(bar, beat), 0.1, key, int(rng.integers(70, 105)))
        for bar in range(song.bars)
        for key, beats in groove.items()
        for beat in beats
        if beat < song.beats
    ]
    return Part(preset, notes)


def bass(rng: np.random.Generator, song: Song) -> Part:
    """Roots and fifths; a walking line in jazz."""
    preset = BASSES[0] if song.genre == "jaz_blu" else BASSES[int(rng.integers(len(BASSES)))]
    step = 1.0 if song.genre == "jaz_blu" else float(rng.choice([0.5, 1.0, 2.0]))
    notes: list[Note] = []
    for bar in range(song.bars):
        chord = song.chord(bar)
        for index in range(int(song.beats / step)):
            degree = chord[int(rng.integers(3))] if song.genre == "jaz_blu" and index else chord[2 * (index % 4 == 3)]
            key = preset.low + (degree - preset.low) % 12
            notes.append(Note(song.time_s(bar, index * step), 0.9 * step * song.beat_s, key, int(rng.integers(75, 105))))
    return Part(preset, notes)


def colour(rng: np.random.Generator, song: Song) -> Part:
    """Broken chords on harp, marimba or vibraphone, or a held pad."""
    preset = COLOURS[int(rng.integers(len(COLOURS)))]
    style = pad if preset.program == 89 else arpeggio
    return Part(preset, style(rng, song, preset.low, preset.high, 80))


def accompaniment(rng: np.random.Generator, song: Song) -> dict[str, Part]:
    """One to three unlabelled players that suit the genre, by name."""
    makers = {"bass": bass, "colour": colour} if song.genre == "cla" else {"bass": bass, "colour": colour, "drums": drums}
    chances = {"bass": 0.7, "colour": 0.4, "drums": 0.7}
    chosen = [name for name in makers if rng.random() < chances[name]] or ["bass"]
    return {name: makers[name](rng, song) for name in chosen}
