"""Render the plan into the IRMAS layout: train/<label>/*.ogg, val and test as Part1/*.ogg with a .txt of labels each.

Songs are independent of one another, so they are spread over processes; the folder appears at its place only when it is complete.
"""

import csv
import shutil
import tempfile
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from importlib.resources import files
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from components.datasets.sample.accompany import accompaniment
from components.datasets.sample.compose import compose_band, compose_solo
from components.datasets.sample.mix import Place, Sound, active_share, at_loudness, draw_place, draw_room, loudness_db, place
from components.datasets.sample.ogg import write_ogg
from components.datasets.sample.plan import PlannedSong, plan_songs
from components.datasets.sample.score import Part, Song, draw_song
from components.datasets.sample.synth import SAMPLE_RATE, open_synth

COLUMNS = ("file", "split", "song", "labels", "soundfont", "duration_s", "levels_db", "active_shares", "programs", "accompaniment", "genre")
BASE_DB, LABEL_SPREAD_DB = -23.0, 4.0
"""Loudness of the quietest labelled instrument before the mix is scaled to its peak, and the widest difference
between labelled instruments: under the 6 dB promised, with room for what the codec does."""
SOLO_BACKING_DB, BAND_BACKING_DB = (-20.0, -12.0), (-18.0, -11.0)
PEAK_DB = (-12.0, -1.5)
MIN_ACTIVE_SHARE = 0.5
LEAD_IN_S = 1.0
"""Each passage starts this long before its clip, so that a clip begins in the midst of music, with its room already sounding."""
ATTEMPTS = 30


@dataclass(frozen=True)
class Recording:
    """A song's clips before they are written.

    Args:
        mixes: one sound a clip.
        stems: for each clip the labelled players as they are in the mix.
        parts: every player, the unlabelled ones too, by name, in the last clip.
    """

    mixes: list[Sound]
    stems: list[dict[str, Sound]]
    parts: dict[str, Part]


def render_sample(
    directory: Path | str,
    seed: int = 0,
    processes: int | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> None:
    """Render the whole sample; the same seed gives the same bytes with the same versions of libfluidsynth, libsndfile and soundfonts.

    Args:
        directory: the folder to make; it must not exist yet.
        processes: how many to use; by default one a processor.
        progress: called with the songs done and the songs in all.
    Raises:
        FileExistsError: if the folder is there already.
        RuntimeError: where libfluidsynth or a soundfont is missing.
    """
    target = Path(directory)
    if target.exists():
        raise FileExistsError(f"{target} is there already: move it away first")
    songs = plan_songs(seed)
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", dir=target.parent))
    try:
        rows: list[dict[str, str]] = []
        with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
            tasks = [pool.submit(write_song, song, partial, seed) for song in songs]
            for done, task in enumerate(tasks, start=1):
                rows += task.result()
                if progress:
                    progress(done, len(songs))
        _write_table(partial / "songs.csv", rows)
        about = files(__package__).joinpath("about.md").read_text(encoding="utf-8")
        (partial / "README.md").write_text(about.replace("{seed}", str(seed)), encoding="utf-8")
        partial.chmod(0o755)
        partial.rename(target)
    except BaseException:
        shutil.rmtree(partial)
        raise


def write_song(song: PlannedSong, directory: Path, seed: int) -> list[dict[str, str]]:
    """Render a song and write its clips and label files; returns a row of songs.csv for each clip."""
    recording = record(song, seed)
    rows: list[dict[str, str]] = []
    drums = "drums" in recording.parts
    for index, (mix, stems) in enumerate(zip(recording.mixes, recording.stems, strict=True)):
        path = directory / clip_name(song, index, drums)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ogg(path, mix, SAMPLE_RATE, serial=10 * song.number + index)
        if song.split != "train":
            path.with_suffix(".txt").write_text("".join(f"{label}\t\n" for label in song.labels))
        values = (
            path.relative_to(directory).as_posix(),
            song.split,
            song.name,
            ";".join(song.labels),
            song.soundfont,
            f"{mix.shape[1] / SAMPLE_RATE:.2f}",
            ";".join(f"{loudness_db(stems[label], SAMPLE_RATE):.2f}" for label in song.labels),
            ";".join(f"{active_share(stems[label], SAMPLE_RATE):.2f}" for label in song.labels),
            ";".join(f"{preset.bank}:{preset.program}" for preset in song.presets),
            ";".join(name for name in recording.parts if name not in song.labels),
            song.genre,
        )
        rows.append(dict(zip(COLUMNS, values, strict=True)))
    return rows


def record(song: PlannedSong, seed: int) -> Recording:
    """Compose, play and mix a song, drawn anew until each labelled instrument plays at least half of each clip.

    Raises:
        RuntimeError: if no draw does, which means that the rules of composition are off.
    """
    for attempt in range(ATTEMPTS):
        rng = np.random.default_rng([seed, song.number, attempt])
        recording = _record_once(rng, song)
        shares = [active_share(stem, SAMPLE_RATE) for stems in recording.stems for stem in stems.values()]
        if min(shares) >= MIN_ACTIVE_SHARE:
            return recording
    raise RuntimeError(f"{song.name}: no draw in {ATTEMPTS} lets each instrument play half of each clip")


def clip_name(song: PlannedSong, index: int, drums: bool) -> Path:
    """Where a clip lies, named as in IRMAS; like there, some train files have a number in front, some no field for drums."""
    if song.split != "train":
        return Path(song.split, "Part1", f"{song.name}-{index + 1}.ogg")
    label, number = song.name.split("/")
    prefix = f"{song.number % 1000:03d}__" if song.number % 10 == 3 else ""
    field = "" if not drums and song.number % 10 in (5, 6) else "[dru]" if drums else "[nod]"
    return Path("train", label, f"{prefix}[{label}]{field}[{song.genre}]{number}__{index + 1}.ogg")


def _record_once(rng: np.random.Generator, song: PlannedSong) -> Recording:
    """Each clip is a passage of its own: same key, tempo, players and room, other notes."""
    frame = draw_song(rng, song.genre)
    room, synth = draw_room(rng), open_synth(song.soundfont)
    levels_db = {label: BASE_DB + float(rng.uniform(0.0, LABEL_SPREAD_DB)) for label in song.labels}
    backing_db = BASE_DB + float(rng.uniform(*(SOLO_BACKING_DB if len(song.labels) == 1 else BAND_BACKING_DB)))
    peak_db, backing_seed = float(rng.uniform(*PEAK_DB)), int(rng.integers(2**31))
    places: dict[str, Place] = {}
    parts: dict[str, Part] = {}
    mixes: list[Sound] = []
    labelled: list[dict[str, Sound]] = []
    for clip_s in song.clips_s:
        length_s = LEAD_IN_S + clip_s
        passage = replace(frame, length_s=length_s)
        parts = _compose(rng, song, passage)
        if song.accompanied:
            # The same seed for each passage keeps the same players in the whole song.
            parts |= accompaniment(np.random.default_rng(backing_seed), passage)
        pieces: dict[str, Sound] = {}
        for name, part in parts.items():
            places.setdefault(name, draw_place(rng))
            stem = place(synth.render(part, length_s), places[name], room, SAMPLE_RATE)
            pieces[name] = at_loudness(stem[:, -round(clip_s * SAMPLE_RATE) :], levels_db.get(name, backing_db), SAMPLE_RATE)
        mix = np.sum(list(pieces.values()), axis=0)
        gain = np.float32(10 ** (peak_db / 20) / np.max(np.abs(mix)))
        mixes.append((gain * mix).astype(np.float32))
        labelled.append({label: gain * pieces[label] for label in song.labels})
    return Recording(mixes, labelled, parts)


def _compose(rng: np.random.Generator, song: PlannedSong, passage: Song) -> dict[str, Part]:
    if len(song.labels) == 1:
        return {song.labels[0]: compose_solo(rng, passage, song.labels[0], song.presets[0])}
    return compose_band(rng, passage, dict(zip(song.labels, song.presets, strict=True)))


def _write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
