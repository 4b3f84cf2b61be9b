"""Compose a song: draw its frame, give each labelled instrument a role that suits it, then shape the lines.

Every draw comes from the generator passed in, so a song depends on its own seed only.
"""

from dataclasses import replace

import numpy as np

from components.datasets.sample.chords import STYLES
from components.datasets.sample.instruments import INSTRUMENTS, Instrument, Preset
from components.datasets.sample.melodies import harmony, held, tune
from components.datasets.sample.score import EXPRESSION, MODULATION, PITCH_BEND, Control, Note, Part, Song


def compose_solo(rng: np.random.Generator, song: Song, label: str, preset: Preset) -> Part:
    """One instrument alone: a tune, chords, or, for those with two hands, both."""
    instrument = INSTRUMENTS[label]
    velocity = int(rng.integers(*instrument.velocity))
    if instrument.chords:
        chosen = str(rng.choice(["tune", "chords", "both"], p=[0.3, 0.35, 0.35]))
        notes = _two_hands(rng, song, instrument, preset, velocity, chosen)
    elif rng.random() < 0.85:
        notes = tune(rng, song, preset.low, preset.high, velocity, instrument.breath)
    else:
        notes = held(rng, song, preset.low, preset.high, velocity)
    return shape(rng, Part(preset, notes), instrument)


def compose_band(rng: np.random.Generator, song: Song, players: dict[str, Preset]) -> dict[str, Part]:
    """Two or three instruments together: one has the tune, the others play chords, hold notes, answer or harmonise.

    Args:
        players: the preset of each label.
    Returns:
        A part for each label, in the order of `players`.
    """
    lead = _draw_lead(rng, tuple(players))
    melody: list[Note] = []
    parts: dict[str, Part] = {}
    for label in sorted(players, key=lambda label: label != lead):
        instrument, preset = INSTRUMENTS[label], players[label]
        low, high, velocity = preset.low, preset.high, int(rng.integers(*instrument.velocity))
        role = (
            "tune"
            if label == lead
            else "chords"
            if instrument.chords
            else str(rng.choice(["held", "harmony", "tune"], p=[0.35, 0.2, 0.45]))
        )
        if role == "chords":
            notes = _chords(rng, song, instrument, preset, velocity)
        elif role == "held":
            notes = held(rng, song, low, high, velocity)
        elif role == "harmony":
            notes = harmony(rng, song, melody, low, high, velocity)
        else:
            notes = tune(rng, song, low, high, velocity, breath=instrument.breath and label == lead)
            melody = melody or notes
        parts[label] = shape(rng, Part(preset, notes), instrument)
    return {label: parts[label] for label in players}


def shape(rng: np.random.Generator, part: Part, instrument: Instrument) -> Part:
    """Add what a player does between the notes: swells, vibrato on long notes, slides into them."""
    notes = sorted(part.notes, key=lambda note: (note.start_s, note.key))
    if not instrument.sustains or not notes:
        return Part(part.preset, notes)
    end_s = max(note.start_s + note.duration_s for note in notes)
    period_s, depth = float(rng.uniform(2.0, 5.0)), float(rng.uniform(0.0, 30.0))
    phase = float(rng.uniform(0, 2 * np.pi))
    controls = [
        Control(float(time_s), EXPRESSION, round(127 - depth * (0.5 + 0.5 * np.sin(2 * np.pi * time_s / period_s + phase))))
        for time_s in np.arange(0.0, end_s, 0.1)
    ]
    vibrato = float(rng.uniform(0.3, 1.0)) * instrument.vibrato
    for note in notes:
        if note.duration_s > 0.45 and vibrato >= 1:
            controls += [
                Control(note.start_s, MODULATION, 0),
                Control(note.start_s + 0.2, MODULATION, round(vibrato / 2)),
                Control(note.start_s + 0.35, MODULATION, round(vibrato)),
            ]
        if note.duration_s > 0.3 and rng.random() < instrument.scoop:
            controls += [Control(note.start_s + 0.02 * step, PITCH_BEND, -1 + step / 5) for step in range(6)]
    return Part(part.preset, notes, sorted(controls, key=lambda control: control.time_s))


def _draw_lead(rng: np.random.Generator, labels: tuple[str, ...]) -> str:
    """Who has the tune: a melody instrument where there is one."""
    single = [label for label in labels if not INSTRUMENTS[label].chords]
    choices = single if single and rng.random() < 0.9 else list(labels)
    return str(choices[int(rng.integers(len(choices)))])


def _chords(rng: np.random.Generator, song: Song, instrument: Instrument, preset: Preset, velocity: int) -> list[Note]:
    """Chords in one of the instrument's styles; power chords only on driven guitars, which blur fuller ones."""
    driven = preset.program in (29, 30) and "power" in instrument.chords
    styles = [style for style in instrument.chords if (style == "power") == driven]
    return STYLES[styles[int(rng.integers(len(styles)))]](rng, song, preset.low, preset.high, velocity)


def _two_hands(
    rng: np.random.Generator,
    song: Song,
    instrument: Instrument,
    preset: Preset,
    velocity: int,
    chosen: str,
) -> list[Note]:
    middle = (preset.low + preset.high) // 2
    if chosen == "tune" or (preset.program in (29, 30) and chosen == "both"):
        return tune(rng, song, preset.low, preset.high, velocity, instrument.breath)
    backing = _chords(rng, song, instrument, preset, velocity)
    if chosen == "chords":
        return backing
    softer = [replace(note, velocity=max(20, note.velocity - 14)) for note in backing]
    return softer + tune(rng, song, middle, preset.high, velocity, instrument.breath)
