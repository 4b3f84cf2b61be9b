"""A few clips of each kind: which, and that the others are left alone."""

from pathlib import Path

from components.config import AudioConfig, DataConfig
from components.datasets import Gathered, build_manifest
from components.datasets.few import few
from components.training.quick import few_clips, quick_data


def gather(**data) -> Gathered:
    return build_manifest(quick_data(DataConfig(**data)), ("cel", "voi"), AudioConfig())


def songs(tone, folder: str, count: int) -> None:
    for label in ("cel", "voi"):
        for song in range(count):
            for part in (1, 2):
                tone(f"{folder}/{label}/[{label}][nod][cla]{song:04d}__{part}.wav", duration_s=0.2)


def test_the_first_of_each_label_split_and_fold_in_groups_of_their_own() -> None:
    clips = [
        ("train", "", ["a"], "1"),
        ("train", "", ["a"], "1"),  # the same group
        ("train", "", ["a", "b"], "2"),
        ("train", "", ["a"], "3"),  # two of a are there
        ("val", "", ["a"], "4"),
        ("train", "x", ["a"], "5"),
        ("train", "", [], "6"),
        ("train", "", ["b"], "7"),
    ]
    assert few(clips, 2) == [0, 2, 4, 5, 6, 7]
    assert few(clips, 2, more=2) == [0, 2, 3, 4, 5, 6, 7]


def test_other_files_are_not_looked_at(tone, labelled, tmp_path: Path) -> None:
    songs(tone, "train", 5)
    for song in range(5):
        labelled(f"val/Part1/{song}-1.wav", "cel", "voi")
    (tmp_path / "train/cel/[cel][nod][cla]0004__1.wav").write_text("no audio")
    gathered = gather(train=(f"irmastrain:{tmp_path}/train",), val=(f"irmastest:{tmp_path}/val",), test_share=0.0)
    assert gathered.manifest.frame.groupby("split").size().to_dict() == {"train": 4, "val": 2}
    assert gathered.bad == []
    assert "6 of 25 clips are used" in gathered.notes[0]
    assert few_clips(gathered.manifest).tolist() == list(range(6))  # a training takes them all


def test_there_are_enough_to_take_val_and_test_from(tone, tmp_path: Path) -> None:
    songs(tone, "train", 9)
    frame = gather(train=(f"irmastrain:{tmp_path}/train",)).manifest.frame
    assert len(frame) == 12
    assert set(frame["split"]) == {"train", "val", "test"}
    assert set(frame.loc[frame["split"] == "train"].explode("labels")["labels"]) == {"cel", "voi"}


def test_a_bad_clip_among_a_few_is_told_and_stops_nothing(tone, tmp_path: Path) -> None:
    songs(tone, "train", 3)
    (tmp_path / "train/cel/[cel][nod][cla]0000__1.wav").write_text("no audio")
    gathered = gather(train=(f"irmastrain:{tmp_path}/train",), val_share=0.0, test_share=0.0)
    assert [Path(bad.path).name for bad in gathered.bad] == ["[cel][nod][cla]0000__1.wav"]
    assert len(gathered.manifest) == 3
    assert quick_data(DataConfig()).max_bad_fraction == 1.0
