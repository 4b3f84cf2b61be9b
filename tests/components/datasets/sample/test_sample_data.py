"""The rendered sample data keeps its promises, measured on the files themselves and on songs.csv."""

import csv
import re
from collections import Counter, defaultdict
from pathlib import Path

import numpy as np
import pytest
import soundfile

LABELS = ("cel", "cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio", "voi")
SAMPLE = Path(__file__).parents[4] / "data" / "sample"
TRAIN_NAME = re.compile(
    r"^(?:\d{3}__)?\[(?P<label>[a-z]{3})\](?:\[(?:dru|nod)\])?\[(?:cou_fol|cla|pop_roc|lat_sou|jaz_blu)\](?P<song>\d{4})__(?P<clip>[123])\.ogg$"
)

Row = dict[str, str]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    with (SAMPLE / "songs.csv").open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _of(rows: list[Row], split: str) -> list[Row]:
    return [row for row in rows if row["split"] == split]


def test_table_lists_each_file_once(rows: list[Row]) -> None:
    listed = [row["file"] for row in rows]
    assert len(set(listed)) == len(listed)
    assert set(listed) == {path.relative_to(SAMPLE).as_posix() for path in SAMPLE.rglob("*.ogg")}


def test_sizes_of_the_splits(rows: list[Row]) -> None:
    assert Counter(row["split"] for row in rows) == {"train": 660, "val": 60, "test": 120}


def test_stays_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE.rglob("*") if path.is_file()) < 25_000_000


def test_train_has_twenty_songs_of_three_clips_a_label(rows: list[Row]) -> None:
    clips: dict[str, dict[str, list[str]]] = {label: defaultdict(list) for label in LABELS}
    for row in _of(rows, "train"):
        path = Path(row["file"])
        name = TRAIN_NAME.match(path.name)
        assert name is not None, path.name
        assert path.parent.name == name["label"] == row["labels"]
        clips[row["labels"]][name["song"]].append(name["clip"])
    for songs in clips.values():
        assert len(songs) == 20
        assert all(sorted(numbers) == ["1", "2", "3"] for numbers in songs.values())


def test_half_of_train_has_accompaniment(rows: list[Row]) -> None:
    accompanied = np.mean([bool(row["accompaniment"]) for row in _of(rows, "train")])
    assert 0.4 <= accompanied <= 0.6


def test_no_song_is_in_two_splits(rows: list[Row]) -> None:
    splits = defaultdict(set)
    for row in rows:
        splits[row["song"]].add(row["split"])
    assert all(len(found) == 1 for found in splits.values())


@pytest.mark.parametrize("split", ["val", "test"])
def test_label_files_match_the_table(rows: list[Row], split: str) -> None:
    for row in _of(rows, split):
        text = (SAMPLE / row["file"]).with_suffix(".txt").read_text()
        assert text == "".join(f"{label}\t\n" for label in row["labels"].split(";"))
        assert len(set(row["labels"].split(";"))) in (2, 3)
        assert row["file"].startswith(f"{split}/Part1/{row['song']}-")


@pytest.mark.parametrize(("split", "least"), [("val", 8), ("test", 15)])
def test_every_label_has_support(rows: list[Row], split: str, least: int) -> None:
    support = Counter(label for row in _of(rows, split) for label in row["labels"].split(";"))
    assert set(support) == set(LABELS)
    assert min(support.values()) >= least


def test_labelled_instruments_are_within_6_db(rows: list[Row]) -> None:
    for row in rows:
        levels_db = [float(level) for level in row["levels_db"].split(";")]
        assert len(levels_db) == len(row["labels"].split(";"))
        assert max(levels_db) - min(levels_db) <= 6.0, row["file"]


def test_labelled_instruments_play_half_of_each_clip(rows: list[Row]) -> None:
    for row in rows:
        assert min(float(share) for share in row["active_shares"].split(";")) >= 0.5, row["file"]


def test_second_soundfont_has_a_third_of_the_songs(rows: list[Row]) -> None:
    for split in ("val", "test"):
        fonts = {row["song"]: row["soundfont"] for row in _of(rows, split)}
        assert Counter(fonts.values())["musescore"] >= len(fonts) / 3
    assert {row["soundfont"] for row in _of(rows, "train")} == {"fluid"}


def test_audio_is_as_the_table_says(rows: list[Row]) -> None:
    for row in rows:
        information = soundfile.info(SAMPLE / row["file"])
        assert (information.samplerate, information.channels, information.format) == (22_050, 2, "OGG")
        assert information.duration == pytest.approx(float(row["duration_s"]), abs=0.01)
        least, most = (3.0, 3.0) if row["split"] == "train" else (5.0, 20.0)
        assert least <= float(row["duration_s"]) <= most


def test_audio_is_neither_silent_nor_clipped(rows: list[Row]) -> None:
    for row in rows:
        sound, _ = soundfile.read(SAMPLE / row["file"], dtype="float32")
        assert 0.1 < np.max(np.abs(sound)) < 1.0, row["file"]
        assert np.std(sound[:, 0] - sound[:, 1]) > 0, row["file"]
