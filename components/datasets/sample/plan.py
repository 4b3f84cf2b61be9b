"""What is to be rendered: splits, songs, names, labels and soundfonts, before a single note is written.

Counts are balanced by construction, so that every label has the same songs in train and nearly the same support in val and test.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from components.datasets.sample.instruments import INSTRUMENTS, Preset

Split = Literal["train", "val", "test"]

TRAIN_SONGS_PER_LABEL, CLIPS_PER_TRAIN_SONG, TRAIN_CLIP_S = 20, 3, 3.0
BAND_SONGS: dict[Split, tuple[int, int]] = {"val": (50, 5), "test": (100, 10)}
"""Songs of one part and songs of two parts."""
SECOND_SOUNDFONT_SHARE = 0.36
BAND_CLIP_S = (5.0, 20.0)

FIRST_WORDS = (
    "Amber Autumn Blue Bright Broken Copper Distant Early Empty Falling Gentle Golden Green Hidden Idle Late Little Lonely Marble "
    "Misty Narrow Old Open Paper Quiet Red Restless Rising Silver Slow Small Sudden Velvet Wandering White Winter"
)
SECOND_WORDS = (
    "Anchor Bridge Candle Corner Dance Evening Ferry Garden Harbour Hill Lamp Lantern Letter Market Meadow Mill Mirror Morning "
    "Orchard Postcard Promise Rain River Road Room Shore Street Summer Tide Tower Train Valley Waltz Window Winter Wood"
)


@dataclass(frozen=True)
class PlannedSong:
    """A song to render.

    Args:
        name: unique in the whole set: "cel/0001" in train, a title in val and test.
        number: position in the plan; with the seed it draws everything in the song.
        presets: the sound of each label.
        clips_s: length of each clip in seconds.
        accompanied: whether unlabelled players join in.
    """

    split: Split
    name: str
    number: int
    labels: tuple[str, ...]
    presets: tuple[Preset, ...]
    genre: str
    soundfont: str
    clips_s: tuple[float, ...]
    accompanied: bool


def plan_songs(seed: int) -> list[PlannedSong]:
    """All songs of the sample, in a fixed order."""
    rng = np.random.default_rng([seed, 0])
    songs: list[PlannedSong] = []
    for label, instrument in INSTRUMENTS.items():
        accompanied = rng.permutation(np.arange(TRAIN_SONGS_PER_LABEL) % 2 == 0)
        for index in range(TRAIN_SONGS_PER_LABEL):
            number = len(songs) + 1
            genre = instrument.genres[int(rng.integers(len(instrument.genres)))]
            clips_s = (TRAIN_CLIP_S,) * CLIPS_PER_TRAIN_SONG
            presets = (_in_turn(label, index),)
            name, joined = f"{label}/{number:04d}", bool(accompanied[index])
            songs.append(PlannedSong("train", name, number, (label,), presets, genre, "fluid", clips_s, joined))
    titles = _titles(rng)
    for split, (singles, doubles) in BAND_SONGS.items():
        songs += _plan_bands(rng, split, singles, doubles, titles, len(songs))
    return songs


def _plan_bands(
    rng: np.random.Generator,
    split: Split,
    singles: int,
    doubles: int,
    titles: list[str],
    before: int,
) -> list[PlannedSong]:
    count = singles + doubles
    parts = rng.permutation([1] * singles + [2] * doubles)
    sizes = rng.permutation([2 + (index % 5 in (0, 2)) for index in range(count)])
    fonts = _fonts(rng, parts)
    used: dict[str, dict[str, int]] = {font: dict.fromkeys(INSTRUMENTS, 0) for font in set(fonts)}
    songs: list[PlannedSong] = []
    heard = dict.fromkeys(INSTRUMENTS, 0)
    for index in range(count):
        labels = _balanced(rng, used[fonts[index]], int(sizes[index]))
        for label in labels:
            used[fonts[index]][label] += int(parts[index])
            heard[label] += 1
        presets = tuple(_in_turn(label, heard[label]) for label in labels)
        genres = [genre for label in labels for genre in INSTRUMENTS[label].genres]
        genre = str(rng.choice(sorted(set(genres)), p=[genres.count(one) / len(genres) for one in sorted(set(genres))]))
        clips_s = tuple(round(float(rng.uniform(*BAND_CLIP_S)), 1) for _ in range(int(parts[index])))
        accompanied = bool(rng.random() < 0.5)
        number = before + index + 1
        songs.append(PlannedSong(split, titles.pop(), number, labels, presets, genre, fonts[index], clips_s, accompanied))
    return songs


def _in_turn(label: str, index: int) -> Preset:
    """A label's sounds one after the other, so that each is heard equally often."""
    presets = INSTRUMENTS[label].presets
    return presets[index % len(presets)]


def _fonts(rng: np.random.Generator, parts: NDArray[np.int64]) -> list[str]:
    """A soundfont a song; the second one has its share of the songs with one part and of those with two."""
    fonts = np.full(len(parts), "fluid", dtype=object)
    for size in (1, 2):
        places = rng.permutation(np.flatnonzero(parts == size))
        fonts[places[: round(SECOND_SOUNDFONT_SHARE * len(places))]] = "musescore"
    return [str(font) for font in fonts]


def _balanced(rng: np.random.Generator, used: dict[str, int], size: int) -> tuple[str, ...]:
    """Draw among the groups of labels that were used least so far; in the order of the labels."""
    groups = list(combinations(used, size))
    totals = [sum(used[label] ** 2 + 2 * used[label] for label in group) for group in groups]
    least = [group for group, total in zip(groups, totals, strict=True) if total <= min(totals) + 2]
    return least[int(rng.integers(len(least)))]


def _titles(rng: np.random.Generator) -> list[str]:
    titles = [f"{first} {second}" for first in FIRST_WORDS.split() for second in SECOND_WORDS.split() if first != second]
    return [titles[int(index)] for index in rng.permutation(len(titles))]
