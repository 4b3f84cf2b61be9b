"""Composing, mixing and writing the sample data: known numbers, ranges, and the same bytes from the same seed."""

import ctypes.util
import math
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from components.datasets.sample.accompany import accompaniment, drums
from components.datasets.sample.compose import compose_band, compose_solo
from components.datasets.sample.instruments import INSTRUMENTS, Preset
from components.datasets.sample.mix import Place, Room, active_share, at_loudness, loudness_db, place, tilt
from components.datasets.sample.ogg import checksum, with_serial, write_ogg
from components.datasets.sample.plan import PlannedSong, plan_songs
from components.datasets.sample.render import clip_name, record, render_sample, write_song
from components.datasets.sample.score import draw_song
from components.datasets.sample.synth import SAMPLE_RATE, SOUNDFONTS, soundfont_path

can_render = ctypes.util.find_library("fluidsynth") is not None and all(soundfont_path(name).is_file() for name in SOUNDFONTS)
needs_fluidsynth = pytest.mark.skipif(not can_render, reason="libfluidsynth or a soundfont is not installed; only rendering needs them")


def sine(frequency_hz: float, amplitude: float, length_s: float = 1.0) -> NDArray[np.float32]:
    time_s = np.arange(round(length_s * SAMPLE_RATE)) / SAMPLE_RATE
    return np.tile((amplitude * np.sin(2 * math.pi * frequency_hz * time_s)).astype(np.float32), (2, 1))


def players(*labels: str) -> dict[str, Preset]:
    return {label: INSTRUMENTS[label].presets[-1] for label in labels}


@pytest.mark.parametrize("label", INSTRUMENTS)
@pytest.mark.parametrize("seed", range(8))
def test_solo_stays_in_range(label: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    song = draw_song(rng, INSTRUMENTS[label].genres[0], 10.0)
    presets = INSTRUMENTS[label].presets
    part = compose_solo(rng, song, label, presets[seed % len(presets)])
    assert part.notes
    for note in part.notes:
        assert part.preset.low <= note.key <= part.preset.high
        assert 1 <= note.velocity <= 127
        assert note.start_s >= 0
        assert note.duration_s > 0


@pytest.mark.parametrize("seed", range(40))
def test_band_has_a_part_a_label_in_range(seed: int) -> None:
    rng = np.random.default_rng(seed)
    labels = tuple(sorted(rng.choice(list(INSTRUMENTS), 3, replace=False).tolist()))
    parts = compose_band(rng, draw_song(rng, "pop_roc", 12.0), players(*labels))
    assert tuple(parts) == labels
    for part in parts.values():
        assert part.notes
        assert all(part.preset.low <= note.key <= part.preset.high for note in part.notes)
        assert min(note.start_s for note in part.notes) < 4.0


@pytest.mark.parametrize("genre", ["cla", "cou_fol", "jaz_blu", "lat_sou", "pop_roc"])
def test_accompaniment_plays_no_labelled_sound(genre: str) -> None:
    labelled = {(preset.bank, preset.program) for instrument in INSTRUMENTS.values() for preset in instrument.presets}
    for seed in range(20):
        rng = np.random.default_rng(seed)
        parts = accompaniment(rng, draw_song(rng, genre, 8.0))
        assert parts
        for part in parts.values():
            assert (part.preset.bank, part.preset.program) not in labelled
            assert all(part.preset.low <= note.key <= part.preset.high for note in part.notes)


def test_classical_music_has_no_drums() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(KeyError, match="cla"):
        drums(rng, draw_song(rng, "cla", 8.0))


def test_same_seed_same_score() -> None:
    first, second = (np.random.default_rng(3) for _ in range(2))
    band = players("cel", "pia")
    assert compose_band(first, draw_song(first, "cla"), band) == compose_band(second, draw_song(second, "cla"), band)


def test_plan_is_balanced_and_disjoint() -> None:
    songs = plan_songs(0)
    assert len({song.name for song in songs}) == len(songs)
    assert len({song.number for song in songs}) == len(songs)
    assert Counter(song.labels[0] for song in songs if song.split == "train") == dict.fromkeys(INSTRUMENTS, 20)
    for split in ("val", "test"):
        support = Counter(label for song in songs if song.split == split for label in song.labels for _ in song.clips_s)
        assert max(support.values()) - min(support.values()) <= 4


def test_another_seed_plans_other_songs() -> None:
    assert plan_songs(0) == plan_songs(0)
    assert plan_songs(0) != plan_songs(1)


def test_train_names_are_as_in_irmas() -> None:
    song = PlannedSong("train", "cel/0001", 1, ("cel",), (Preset(42, 36, 69),), "cla", "fluid", (3.0, 3.0, 3.0), accompanied=False)
    assert clip_name(song, 0, drums=False) == Path("train/cel/[cel][nod][cla]0001__1.ogg")


def test_loudness_of_a_sine() -> None:
    # BS.1770-4: a 997 Hz sine at full scale in both channels has a loudness of -3.01 + 3.01 LUFS.
    assert loudness_db(sine(997.0, 1.0), SAMPLE_RATE) == pytest.approx(0.0, abs=0.15)
    assert loudness_db(sine(997.0, 0.1), SAMPLE_RATE) == pytest.approx(-20.0, abs=0.15)


def test_loudness_leaves_rests_out() -> None:
    tone = sine(997.0, 0.1, 2.0)
    with_rest = np.concatenate([tone, np.zeros_like(tone)], axis=1)
    assert loudness_db(with_rest, SAMPLE_RATE) == pytest.approx(loudness_db(tone, SAMPLE_RATE), abs=0.5)
    assert active_share(with_rest, SAMPLE_RATE) == pytest.approx(0.5, abs=0.06)


def test_silence_has_the_lowest_loudness_and_no_activity() -> None:
    silence = np.zeros((2, SAMPLE_RATE), dtype=np.float32)
    assert loudness_db(silence, SAMPLE_RATE) == -70.0
    assert active_share(silence, SAMPLE_RATE) == 0.0


def test_at_loudness_sets_the_loudness() -> None:
    assert loudness_db(at_loudness(sine(440.0, 0.3), -18.0, SAMPLE_RATE), SAMPLE_RATE) == pytest.approx(-18.0, abs=0.01)


def test_tilt_in_decibels() -> None:
    gains_db = 20 * np.log10(tilt(np.array([0.0, 125.0, 1000.0, 8000.0, 11025.0]), 6.0))
    assert gains_db == pytest.approx([-3.0, -3.0, 0.0, 3.0, 3.0])


def test_place_pans_and_keeps_length() -> None:
    room = Room(decay_s=0.3, predelay_s=0.01, wet_db=-30.0, damping=2.0, seed=0)
    placed = place(sine(440.0, 0.1), Place(pan=-0.7, width=0.5, wet_db=0.0, tilt_db=0.0), room, SAMPLE_RATE)
    assert placed.shape == (2, SAMPLE_RATE)
    assert np.std(placed[0]) > 2 * np.std(placed[1])


def test_ogg_bytes_depend_on_the_sound_only(tmp_path: Path) -> None:
    for name in ("first.ogg", "second.ogg"):
        write_ogg(tmp_path / name, sine(440.0, 0.3, 2.5), SAMPLE_RATE, serial=7)
    first = (tmp_path / "first.ogg").read_bytes()
    assert first == (tmp_path / "second.ogg").read_bytes()
    assert with_serial(with_serial(first, 9), 7) == first
    sound, rate = soundfile.read(tmp_path / "first.ogg")
    assert (sound.shape, rate) == ((round(2.5 * SAMPLE_RATE), 2), SAMPLE_RATE)


def test_ogg_checksum_of_a_known_string() -> None:
    assert checksum(b"123456789") == 0x89A1897F  # Ogg's polynomial, no reflection, no inversion


def test_with_serial_wants_ogg() -> None:
    with pytest.raises(ValueError, match="no Ogg page at byte 0"):
        with_serial(b"RIFF" + bytes(40), 1)


def test_render_wants_a_new_folder(tmp_path: Path) -> None:
    with pytest.raises(FileExistsError, match="move it away"):
        render_sample(tmp_path)


@needs_fluidsynth
@pytest.mark.parametrize("split", ["train", "test"])
def test_a_song_renders_to_the_same_bytes(tmp_path: Path, split: str) -> None:
    songs = {song.split: song for song in plan_songs(0)}
    rendered = []
    for name in ("first", "second"):
        rows = write_song(songs[split], tmp_path / name, seed=0)
        # Another song in between: what the synthesiser played before must not matter.
        write_song(songs["val"], tmp_path / f"between {name}", seed=0)
        rendered.append((rows, [(tmp_path / name / row["file"]).read_bytes() for row in rows]))
    assert rendered[0] == rendered[1]


@needs_fluidsynth
def test_mix_is_its_stems_and_levels_are_kept() -> None:
    song = PlannedSong(
        "test", "Green River", 9999, ("flu", "pia"), tuple(players("flu", "pia").values()), "cla", "fluid", (5.0,), accompanied=False
    )
    recording = record(song, seed=0)
    stems = recording.stems[0]
    np.testing.assert_allclose(recording.mixes[0], sum(stems.values()), atol=1e-6)
    levels_db = [loudness_db(stem, SAMPLE_RATE) for stem in stems.values()]
    assert max(levels_db) - min(levels_db) <= 6.0
    assert recording.mixes[0].shape == (2, 5 * SAMPLE_RATE)
    assert 0.2 < np.max(np.abs(recording.mixes[0])) < 0.9
