"""Notes to sound: libfluidsynth through ctypes, one soundfont loaded once a process.

We call the C library ourselves, because Python's wrappers give 16-bit samples only, whose dither depends on what was rendered
before; floats make a stem the same wherever in a run it is rendered.
"""

import ctypes
import ctypes.util
import functools
import os
from pathlib import Path

import numpy as np
import soxr
from numpy.typing import NDArray

from components.datasets.sample.score import PITCH_BEND, Control, Note, Part

SAMPLE_RATE = 22_050
RENDER_RATE = 44_100
"""fluidsynth does not filter before it resamples, so stems are rendered at the soundfonts' own rate and brought down afterwards."""

BLOCK = 64
"""fluidsynth renders in blocks of 64 frames; events that fall on them make a stem independent of how it is cut into calls."""

WARNING = 2
"""fluidsynth's log level of that name."""

SOUNDFONTS: dict[str, tuple[str, str]] = {
    "fluid": ("fluid-soundfont-gm", "/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    "musescore": ("musescore-general-soundfont", "/usr/share/sounds/sf3/MuseScore_General.sf3"),
}
"""Debian package and file of each soundfont; TIMBRE_SOUNDFONT_FLUID and TIMBRE_SOUNDFONT_MUSESCORE name another file."""

Event = tuple[int, int, str, int, float]


class Synth:
    """A soundfont ready to play.

    Each part gets a player of its own that borrows the soundfont: a reset player remembers enough of the part before to change bytes.

    Raises:
        RuntimeError: where libfluidsynth or the soundfont is missing; it says what to install.
    """

    def __init__(self, soundfont: Path) -> None:
        name = ctypes.util.find_library("fluidsynth")
        if name is None:
            raise RuntimeError("libfluidsynth not found: install Debian's libfluidsynth3 (only rendering the sample data needs it)")
        if not soundfont.is_file():
            packages = ", ".join(package for package, _ in SOUNDFONTS.values())
            raise RuntimeError(f"no soundfont at {soundfont}: install Debian's {packages}")
        self._library = _declare(ctypes.CDLL(name))
        # A player without a soundfont, as each is at first and at last, warns once for every channel.
        self._library.fluid_set_log_function(WARNING, None, None)
        self._settings = self._library.new_fluid_settings()
        self._library.fluid_settings_setnum(self._settings, b"synth.sample-rate", float(RENDER_RATE))
        for switch in (b"synth.reverb.active", b"synth.chorus.active"):
            self._library.fluid_settings_setint(self._settings, switch, 0)
        owner = self._library.new_fluid_synth(self._settings)
        number = self._library.fluid_synth_sfload(owner, os.fsencode(soundfont), 0)
        if number < 0:
            raise RuntimeError(f"fluidsynth cannot read the soundfont {soundfont}")
        self._font = self._library.fluid_synth_get_sfont_by_id(owner, number)
        self._library.fluid_synth_remove_sfont(owner, self._font)

    def render(self, part: Part, length_s: float) -> NDArray[np.float32]:
        """Render one part dry.

        Returns:
            [2, time] at SAMPLE_RATE, exactly round(length_s * SAMPLE_RATE) frames, not yet levelled.
        """
        frames = round(length_s * SAMPLE_RATE)
        blocks = -(-frames * RENDER_RATE // (SAMPLE_RATE * BLOCK)) + 1
        player = self._library.new_fluid_synth(self._settings)
        try:
            sound = self._play(player, part, blocks)
        finally:
            self._library.fluid_synth_remove_sfont(player, self._font)
            self._library.delete_fluid_synth(player)
        return np.ascontiguousarray(soxr.resample(sound.T, RENDER_RATE, SAMPLE_RATE)[:frames].T, dtype=np.float32)

    def _play(self, player: int, part: Part, blocks: int) -> NDArray[np.float32]:
        channel, preset = (9 if part.preset.bank == 128 else 0), part.preset
        font = self._library.fluid_synth_add_sfont(player, self._font)
        if self._library.fluid_synth_program_select(player, channel, font, preset.bank, preset.program) != 0:
            raise RuntimeError(f"the soundfont has no preset {preset.bank}:{preset.program}")
        sound = np.zeros((2, blocks * BLOCK), dtype=np.float32)
        position = 0
        for block, _, kind, first, second in [*_events(part.notes, part.controls), (blocks, 9, "end", 0, 0.0)]:
            if block > position:
                self._write(player, sound[:, position * BLOCK : min(block, blocks) * BLOCK])
                position = block
            if position >= blocks:
                break
            self._send(player, channel, kind, first, second)
        return sound

    def _send(self, player: int, channel: int, kind: str, first: int, second: float) -> None:
        if kind == "on":
            self._library.fluid_synth_noteon(player, channel, first, int(second))
        elif kind == "off":
            self._library.fluid_synth_noteoff(player, channel, first)
        elif first == PITCH_BEND:
            bend = round(8192 + 4096 * second)  # the wheel spans 2 semitones each way
            self._library.fluid_synth_pitch_bend(player, channel, min(16383, max(0, bend)))
        else:
            self._library.fluid_synth_cc(player, channel, first, int(second))

    def _write(self, player: int, sound: NDArray[np.float32]) -> None:
        """Fill [2, time] with the next frames; each row must be contiguous."""
        left, right = (row.ctypes.data_as(ctypes.c_void_p) for row in sound)
        self._library.fluid_synth_write_float(player, sound.shape[1], left, 0, 1, right, 0, 1)


@functools.cache
def open_synth(name: str) -> Synth:
    """The synth of a soundfont in SOUNDFONTS; loaded once a process, which takes seconds."""
    return Synth(soundfont_path(name))


def soundfont_path(name: str) -> Path:
    """Where a soundfont lies."""
    return Path(os.environ.get(f"TIMBRE_SOUNDFONT_{name.upper()}", SOUNDFONTS[name][1]))


def _events(notes: list[Note], controls: list[Control]) -> list[Event]:
    """Notes and controls as events in blocks; at the same block offs come first, then controls, then ons."""
    events: list[Event] = [(_block(control.time_s), 1, "control", control.controller, control.value) for control in controls]
    sounding: dict[int, int] = {}
    for note in sorted(notes, key=lambda note: (note.start_s, note.key), reverse=True):
        start = _block(note.start_s)
        # A key struck again while held: its first note ends just before, or its late "off" would cut the second one.
        end = min(_block(note.start_s + note.duration_s), sounding.get(note.key, 1 << 60) - 1)
        events += [(start, 2, "on", note.key, float(note.velocity)), (max(start + 1, end), 0, "off", note.key, 0.0)]
        sounding[note.key] = start
    return sorted(events)


def _block(time_s: float) -> int:
    return round(time_s * RENDER_RATE / BLOCK)


def _declare(library: ctypes.CDLL) -> ctypes.CDLL:
    """Give the functions we call their C signatures."""
    handle, text, whole, pointer = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_void_p
    signatures: dict[str, tuple[type | None, tuple[type, ...]]] = {
        "fluid_set_log_function": (handle, (whole, handle, handle)),
        "new_fluid_settings": (handle, ()),
        "fluid_settings_setnum": (whole, (handle, text, ctypes.c_double)),
        "fluid_settings_setint": (whole, (handle, text, whole)),
        "new_fluid_synth": (handle, (handle,)),
        "delete_fluid_synth": (None, (handle,)),
        "fluid_synth_get_sfont_by_id": (handle, (handle, whole)),
        "fluid_synth_add_sfont": (whole, (handle, handle)),
        "fluid_synth_remove_sfont": (whole, (handle, handle)),
        "fluid_synth_sfload": (whole, (handle, text, whole)),
        "fluid_synth_program_select": (whole, (handle, whole, whole, whole, whole)),
        "fluid_synth_noteon": (whole, (handle, whole, whole, whole)),
        "fluid_synth_noteoff": (whole, (handle, whole, whole)),
        "fluid_synth_cc": (whole, (handle, whole, whole, whole)),
        "fluid_synth_pitch_bend": (whole, (handle, whole, whole)),
        "fluid_synth_write_float": (whole, (handle, whole, pointer, whole, whole, pointer, whole, whole)),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(library, name)
        function.restype, function.argtypes = result, list(arguments)
    return library
