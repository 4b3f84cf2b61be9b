"""From TYPE:PATH lists to a manifest: sections, splits, names, and what is left out."""

import shutil
from itertools import product
from pathlib import Path

import pytest

from components.config import AudioConfig, DataConfig
from components.datasets import DATASETS, Gathered, build_manifest, parse
from components.errors import ConfigError, DataError

AB = ("cel", "voi")


def gather(labels: str | tuple[str, ...] = AB, audio: AudioConfig | None = None, **data) -> Gathered:
    return build_manifest(DataConfig(**data), labels, audio or AudioConfig())


def songs(tone, folder: str, count: int = 8) -> None:
    for label, song, part in product(AB, range(count), (1, 2)):
        tone(f"{folder}/{label}/[{label}][nod][cla]{song:04d}__{part}.wav", duration_s=0.2)


def column(gathered: Gathered, name: str) -> list:
    return gathered.manifest.frame[name].tolist()


@pytest.mark.parametrize(
    ("spec", "source", "path"),
    [
        ("irmastrain:data/x", "irmastrain", "data/x"),
        (" IRMAStest:data/x", "irmastest", "data/x"),
        ("csv:C:/odd:name.csv", "csv", "C:/odd:name.csv"),
        ("data/x", "inference", "data/x"),
        ("s3://bucket/x", "inference", "s3://bucket/x"),
        ("csv:s3://bucket/x.csv", "csv", "s3://bucket/x.csv"),
    ],
)
def test_specs(spec: str, source: str, path: str) -> None:
    assert parse(spec) == (source, path)


def test_a_bare_path_may_hold_a_colon(tmp_path: Path) -> None:
    (tmp_path / "take:1").mkdir()
    assert parse(f"{tmp_path}/take:1") == ("inference", f"{tmp_path}/take:1")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("irmas-train:x", r"unknown type 'irmas-train' \(did you mean 'irmastrain'\?\).*irmastrain, irmastest, openmic, csv, inference"),
        ("csv:", "names no path: write csv:PATH"),
        ("irmastest:nowhere/at/all", "nowhere/at/all is not there"),
    ],
)
def test_bad_specs(spec: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        gather(train=(spec,))


def test_the_menu() -> None:
    assert list(DATASETS) == ["irmastrain", "irmastest", "openmic", "csv", "inference"]


def test_val_and_test_are_split_off_by_song(tone, tmp_path: Path) -> None:
    songs(tone, "music")
    gathered = gather(train=(f"irmastrain:{tmp_path}/music",), val_share=0.25, test_share=0.25)
    frame = gathered.manifest.frame
    assert frame.groupby("split").size().to_dict() == {"train": 16, "val": 8, "test": 8}
    assert (frame.groupby("group")["split"].nunique() == 1).all()
    assert (frame.explode("labels").groupby(["split", "labels"]).size().unstack()["cel"].to_dict()) == {"train": 8, "val": 4, "test": 4}
    assert frame["clip_id"].tolist() == sorted(frame["clip_id"])
    assert frame.loc[0, ["clip_id", "group", "source"]].tolist() == [
        "music/cel/[cel][nod][cla]0000__1.wav",
        "irmastrain:music/cel/0000",
        "irmastrain",
    ]


def test_the_split_is_the_same_elsewhere(tone, tmp_path: Path) -> None:
    songs(tone, "here/music")
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    here, there = (gather(train=(f"irmastrain:{tmp_path}/{place}/music",)) for place in ("here", "there"))
    assert here.manifest.digest == there.manifest.digest
    assert column(here, "path") != column(there, "path")
    another = gather(train=(f"irmastrain:{tmp_path}/here/music",), split_seed=1)
    assert another.manifest.digest != here.manifest.digest


def test_given_splits_are_used_as_they_are(tone, labelled, tmp_path: Path) -> None:
    songs(tone, "train", 3)
    labelled("val/Part1/a-1.wav", "cel", "voi")
    labelled("test/Part1/b-1.wav", "voi")
    gathered = gather(train=(f"irmastrain:{tmp_path}/train",), val=(f"irmastest:{tmp_path}/val",), test=(f"irmastest:{tmp_path}/test",))
    assert gathered.manifest.frame.groupby("split").size().to_dict() == {"train": 12, "val": 1, "test": 1}
    targets, mask = gathered.manifest.targets("val")
    assert (targets.tolist(), mask.tolist()) == ([[1, 1]], [[1, 1]])


def test_shares_of_nothing_split_nothing_off(tone, tmp_path: Path) -> None:
    songs(tone, "train", 3)
    gathered = gather(train=(f"irmastrain:{tmp_path}/train",), val_share=0, test_share=0)
    assert set(column(gathered, "split")) == {"train"}


def own_split(tone, tmp_path: Path, splits: str) -> str:
    rows = []
    for number, split in enumerate(splits.split()):
        tone(f"own/{number}.wav")
        rows.append(f"{number}.wav,{split},{number},{number % 2},{1 - number % 2}\n")
    (tmp_path / "own/clips.csv").write_text("file,split,fold,cel,voi\n" + "".join(rows))
    return f"csv:{tmp_path}/own/clips.csv"


def test_a_data_set_keeps_its_own_split(tone, tmp_path: Path) -> None:
    spec = own_split(tone, tmp_path, "train train val test")
    gathered = gather("CSV", train=(spec,))
    assert column(gathered, "split") == ["train", "train", "val", "test"]
    assert column(gathered, "fold") == ["0", "1", "2", "3"]
    assert gathered.manifest.label_set.codes == ("cel", "voi")
    named = gather("CSV", train=(spec,), val=(spec,), test=(spec,))
    assert (named.manifest.digest, named.notes) == (gathered.manifest.digest, [])


def test_its_own_test_gives_way_to_the_one_named(tone, labelled, tmp_path: Path) -> None:
    spec = own_split(tone, tmp_path, "train train val test")
    labelled("other/b-1.wav", "voi")
    gathered = gather(train=(spec,), test=(f"irmastest:{tmp_path}/other",))
    assert sorted(column(gathered, "clip_id")) == ["other/b-1.wav", "own/0.wav", "own/1.wav", "own/2.wav"]
    assert "1 clips that" in gathered.notes[0]
    assert "itself puts into test are left out: data.test does not name it" in gathered.notes[0]


def test_what_it_does_not_split_is_split_off(tone, tmp_path: Path) -> None:
    spec = own_split(tone, tmp_path, "train " * 20 + "test")
    splits = column(gather(train=(spec,), val_share=0.2), "split")
    assert {split: splits.count(split) for split in set(splits)} == {"train": 16, "val": 4, "test": 1}


def test_a_data_set_that_gives_nothing_is_an_error(tone, tmp_path: Path) -> None:
    spec = own_split(tone, tmp_path, "train test")
    with pytest.raises(DataError, match=r"data\.val: .* gives val no clip"):
        gather(train=(spec,), val=(spec,))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"data\.train: irmastrain:.*empty gives train no clip"):
        gather(train=(f"irmastrain:{tmp_path}/empty",))
    with pytest.raises(DataError, match="data names no clips"):
        gather()


def test_clips_without_labels_are_for_test_only(tone, tmp_path: Path) -> None:
    tone("clips/x.wav")
    gathered = gather(test=(f"{tmp_path}/clips",))
    assert gathered.manifest.frame.loc[0, ["split", "source"]].tolist() == ["test", "inference"]
    assert gathered.manifest.targets()[1].tolist() == [[0, 0]]
    with pytest.raises(DataError, match=r"data\.train: .*clips brings no labels: write TYPE:PATH"):
        gather(train=(f"{tmp_path}/clips",))


def test_folders_that_share_a_name_get_a_number(tone, tmp_path: Path) -> None:
    songs(tone, "one/train", 2)
    songs(tone, "two/train", 2)
    gathered = gather(train=(f"irmastrain:{tmp_path}/one/train", f"irmastrain:{tmp_path}/two/train"))
    frame = gathered.manifest.frame
    assert frame["clip_id"].is_unique
    assert {clip_id.split("/")[0] for clip_id in frame["clip_id"]} == {"train", "train-2"}
    assert frame["group"].nunique() == 8  # song numbers of two collections are not the same songs


def test_csvs_in_one_folder_share_its_name(tone, tmp_path: Path) -> None:
    for name in ("a", "b"):
        tone(f"data/{name}.wav")
        (tmp_path / f"data/{name}.csv").write_text(f"file,cel,voi\n{name}.wav,1,1\n")
    gathered = gather(train=(f"csv:{tmp_path}/data/a.csv",), val=(f"csv:{tmp_path}/data/b.csv",), test_share=0)
    assert column(gathered, "clip_id") == ["data/a.wav", "data/b.wav"]
    both = gather(train=(f"csv:{tmp_path}/data/*.csv",), val_share=0, test_share=0)
    assert column(both, "clip_id") == ["data/a.wav", "data/b.wav"]


def test_the_same_clip_twice_keeps_two_ids(tone, tmp_path: Path) -> None:
    songs(tone, "train", 1)
    spec = f"irmastrain:{tmp_path}/train"
    gathered = gather(train=(spec,), val=(spec,), test_share=0)
    assert {clip_id.split("/")[0] for clip_id in column(gathered, "clip_id")} == {"train", "train-2"}


def test_bad_clips_are_left_out_with_a_reason(tone, tmp_path: Path) -> None:
    songs(tone, "train", 2)
    folder = tmp_path / "train/cel"
    (folder / "[cel]9__1.wav").write_text("not audio at all")
    (folder / "[cel]9__2.wav").touch()
    tone("train/cel/[cel]9__3.wav", duration_s=0.05)
    (folder / "[cel]9__5.wav").symlink_to("nowhere")
    tone("train/cel/[cel]9__4.wav", duration_s=2.0)
    gathered = gather(audio=AudioConfig(max_duration_s=1.5), train=(f"irmastrain:{tmp_path}/train",))
    assert len(gathered.manifest) == 8
    reasons = {Path(bad.path).name: bad.reason for bad in gathered.bad}
    assert len(reasons) == 5
    assert reasons["[cel]9__5.wav"] == "cannot read it: No such file or directory"
    assert reasons["[cel]9__3.wav"] == "lasts 0.050 s, less than data.min_duration_s (0.1 s)"
    assert "2.0 s" in reasons["[cel]9__4.wav"]
    assert not any(str(tmp_path) in reason for reason in reasons.values())


def test_equal_audio_stays_together_and_is_noted(tone, tmp_path: Path) -> None:
    songs(tone, "train", 10)
    for song in range(5):  # songs 0 to 4 appear again as 50 to 54, and 50 again as 60
        shutil.copyfile(tmp_path / f"train/cel/[cel][nod][cla]{song:04d}__1.wav", tmp_path / f"train/cel/[cel][cla]{50 + song:04d}__1.wav")
    shutil.copyfile(tmp_path / "train/cel/[cel][cla]0050__1.wav", tmp_path / "train/cel/[cel][cla]0060__1.wav")
    for seed in range(5):
        gathered = gather(train=(f"irmastrain:{tmp_path}/train",), val_share=0.3, test_share=0.3, split_seed=seed)
        assert (gathered.manifest.frame.groupby("sha256")["split"].nunique() == 1).all()
    assert len(gathered.notes) == 5
    assert "hold the same audio, all in" in gathered.notes[0]


def test_labels_are_columns_codes_or_a_known_set(tone, tmp_path: Path) -> None:
    spec = own_split(tone, tmp_path, "train val test")
    assert gather("CSV", train=(spec,)).manifest.label_set.full_names == ("cel", "voi")
    assert gather(("voi", "cel"), train=(spec,)).manifest.label_set.full_names == ("human_voice", "cello")
    irmas = gather("irmas", train=(spec,)).manifest
    assert irmas.frame["unknown"][0] == ["cla", "flu", "gac", "gel", "org", "pia", "sax", "tru", "vio"]
    with pytest.raises(ConfigError, match="labels: CSV takes the labels from the columns of a CSV"):
        gather("CSV", train=(f"irmastrain:{tmp_path}/own",))
    with pytest.raises(ConfigError, match="unknown label set 'IRMA'"):
        gather("IRMA", train=(spec,))


def test_progress_counts_every_clip(tone, tmp_path: Path) -> None:
    songs(tone, "train", 2)
    seen = []

    def count(items, what: str, total: int):
        for item in items:
            seen.append((what, total))
            yield item

    build_manifest(DataConfig(train=(f"irmastrain:{tmp_path}/train",)), AB, AudioConfig(), count)
    assert seen == [("looking at clips", 8)] * 8


SAMPLE = Path(__file__).parents[3] / "data/sample"


@pytest.mark.skipif(not SAMPLE.is_dir(), reason="`dvc pull` brings the sample")
def test_the_sample() -> None:
    sections = {"train": "irmastrain", "val": "irmastest", "test": "irmastest"}
    gathered = gather("IRMAS", **{section: (f"{source}:{SAMPLE}/{section}",) for section, source in sections.items()})
    assert (gathered.bad, gathered.notes) == ([], [])
    assert gathered.manifest.frame.groupby("split").size().to_dict() == {"train": 660, "val": 60, "test": 120}
    assert gathered.manifest.targets("train")[0].sum(0).tolist() == [60] * 11
    alone = gather("IRMAS", train=(f"irmastrain:{SAMPLE}/train",))
    assert alone.manifest.frame.groupby("split").size().to_dict() == {"train": 462, "val": 99, "test": 99}
    assert alone.manifest.targets("val")[0].sum(0).tolist() == [9] * 11
