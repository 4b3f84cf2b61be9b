"""What each instrument of the sample data can play: General-MIDI presets, ranges and manners.

Ranges are sounding MIDI keys (60 is middle C) and stay inside what a good amateur plays, so that no soundfont stretches a sample far.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """A General-MIDI sound and the keys it may play.

    Bank 8 holds Roland GS variations, which both soundfonts have; bank 128 the drum kits.
    """

    program: int
    low: int
    high: int
    bank: int = 0


@dataclass(frozen=True)
class Instrument:
    """How a labelled instrument is played.

    Args:
        presets: its sounds, each drawn equally often.
        chords: the chord styles that suit it (see chords.py); empty for a melody instrument.
        genres: IRMAS genre codes in which it is at home.
        breath: whether phrases end with a rest to breathe or change the bow.
        sustains: whether a held note keeps its level, so that swells and vibrato make sense.
        vibrato: deepest vibrato, in modulation-wheel units (0 to 127).
        scoop: chance that a long note slides in from a semitone below.
        velocity: softest and loudest part velocity.
    """

    presets: tuple[Preset, ...]
    chords: tuple[str, ...]
    genres: tuple[str, ...]
    breath: bool
    sustains: bool
    vibrato: int
    scoop: float
    velocity: tuple[int, int] = (64, 112)


INSTRUMENTS: dict[str, Instrument] = {
    "cel": Instrument((Preset(42, 36, 69),), (), ("cla", "cou_fol", "pop_roc"), True, True, 40, 0.05),
    "cla": Instrument((Preset(71, 50, 86),), (), ("cla", "jaz_blu", "cou_fol"), True, True, 8, 0.03),
    "flu": Instrument((Preset(73, 60, 91),), (), ("cla", "jaz_blu", "lat_sou", "cou_fol"), True, True, 30, 0.03),
    "gac": Instrument(
        (Preset(24, 40, 76), Preset(25, 40, 78), Preset(25, 40, 76, bank=8)),
        ("strum", "arpeggio", "block"),
        ("cou_fol", "lat_sou", "cla", "pop_roc"),
        False,
        False,
        0,
        0.0,
        (56, 108),
    ),
    "gel": Instrument(
        (Preset(26, 40, 79), Preset(27, 40, 79), Preset(29, 40, 84), Preset(30, 40, 84)),
        ("strum", "comp", "arpeggio", "power"),
        ("pop_roc", "jaz_blu", "lat_sou"),
        False,
        True,
        20,
        0.15,
    ),
    "org": Instrument(
        (Preset(16, 41, 88), Preset(17, 41, 88), Preset(18, 41, 88), Preset(19, 36, 86)),
        ("pad", "block", "comp"),
        ("pop_roc", "jaz_blu", "cla"),
        False,
        True,
        0,
        0.0,
    ),
    "pia": Instrument(
        (Preset(0, 33, 98), Preset(1, 33, 98), Preset(2, 36, 94)),
        ("block", "arpeggio", "comp", "alberti"),
        ("cla", "jaz_blu", "pop_roc", "lat_sou"),
        False,
        False,
        0,
        0.0,
        (50, 112),
    ),
    "sax": Instrument(
        (Preset(64, 56, 84), Preset(65, 50, 80), Preset(66, 45, 75), Preset(67, 38, 67)),
        (),
        ("jaz_blu", "pop_roc", "lat_sou"),
        True,
        True,
        35,
        0.25,
    ),
    "tru": Instrument((Preset(56, 54, 82), Preset(59, 55, 82)), (), ("jaz_blu", "cla", "lat_sou", "pop_roc"), True, True, 20, 0.08),
    "vio": Instrument((Preset(40, 55, 93), Preset(40, 55, 91, bank=8)), (), ("cla", "cou_fol", "pop_roc"), True, True, 45, 0.05),
    "voi": Instrument(
        (Preset(52, 50, 79), Preset(53, 50, 79), Preset(54, 50, 79)),
        ("pad",),
        ("cla", "pop_roc", "cou_fol", "lat_sou"),
        True,
        True,
        45,
        0.15,
    ),
}
"""The eleven labels in IRMAS's order."""

BASSES: tuple[Preset, ...] = (Preset(32, 28, 52), Preset(33, 28, 52), Preset(34, 28, 52), Preset(35, 28, 52))
COLOURS: tuple[Preset, ...] = (Preset(46, 43, 88), Preset(12, 48, 84), Preset(11, 53, 86), Preset(89, 45, 76))
"""Harp, marimba, vibraphone and warm pad: an accompaniment that is none of the eleven labels."""

DRUM_KITS: dict[str, tuple[int, ...]] = {
    "pop_roc": (0, 8, 16),
    "jaz_blu": (32, 40),
    "lat_sou": (0, 8),
    "cou_fol": (8, 40),
}
"""Kit programs (bank 128) by genre; classical music goes without."""
