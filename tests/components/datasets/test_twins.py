"""Reviewed clips beside the data that a tagger was trained and judged on before, some of which are the same audio."""

import shutil
from pathlib import Path

import pandas as pd
import pytest

from components.config import AudioConfig, DataConfig, Task
from components.datasets import Gathered, build_manifest
from components.validation import Verdict, validate

AB = ("cel", "voi")


@pytest.fixture
def base(tone, tmp_path: Path) -> Path:
    """Four clips for training, two for val and two for test, each with one label."""
    rows = []
    for number, split in enumerate(("train",) * 4 + ("val",) * 2 + ("test",) * 2):
        tone(f"base/{number}.wav")
        rows.append(f"{number}.wav,{split},{number % 2},{1 - number % 2}\n")
    (tmp_path / "base/clips.csv").write_text("file,split,cel,voi\n" + "".join(rows))
    return tmp_path / "base"


@pytest.fixture
def reviewed(base: Path, tone, tmp_path: Path) -> Path:
    """Reviews of a clip that is new, and of three that the base has in train, val and test: `cel`, and of `voi` nothing is known."""
    tone("reviews/new.wav")
    for number in (2, 4, 6):
        shutil.copyfile(base / f"{number}.wav", tmp_path / "reviews" / f"r{number}.wav")
    (tmp_path / "reviews/labels.csv").write_text("file,cel,voi\n" + "".join(f"{name}.wav,1,\n" for name in ("new", "r2", "r4", "r6")))
    return tmp_path / "reviews"


def gather(task: Task = "multilabel", **data) -> tuple[Gathered, Verdict]:
    config = DataConfig(**data)
    gathered = build_manifest(config, AB, AudioConfig(), task=task)
    return gathered, validate(gathered, config)


def clips(gathered: Gathered) -> pd.DataFrame:
    return gathered.manifest.frame.set_index("clip_id")


def test_what_is_held_out_stays_so_and_keeps_its_labels(base: Path, reviewed: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "components.datasets")
    spec = f"csv:{base}/clips.csv"
    alone, _ = gather(train=(spec,))
    gathered, verdict = gather(train=(spec,), reviewed=(f"csv:{reviewed}/labels.csv",))
    assert verdict.ok, verdict.failures
    before, after = clips(alone), clips(gathered)
    assert set(after.index) - set(before.index) == {"reviews/new.wav"}
    assert after.loc["reviews/new.wav", ["split", "labels", "unknown"]].tolist() == ["train", ["cel"], ["voi"]]
    held_out = before.index[before["split"] != "train"]
    assert after.loc[held_out].equals(before.loc[held_out])
    told = {Path(clip.path).name: (clip.reason, clip.gated) for clip in gathered.bad}
    assert told == {
        "r4.wav": (f"is reviewed, but not trained on: val holds the same audio, {base}/4.wav", False),
        "r6.wav": (f"is reviewed, but not trained on: test holds the same audio, {base}/6.wav", False),
    }
    said = "2 of 4 reviewed clips are left out: the same audio is held out, in val or test"
    assert said in gathered.notes
    assert said in caplog.messages
    assert said in verdict.html
    assert f"{base}/6.wav" in verdict.html


def test_in_train_a_review_holds_and_what_it_leaves_open_stays(base: Path, reviewed: Path) -> None:
    gathered, _ = gather(train=(f"csv:{base}/clips.csv",), reviewed=(f"csv:{reviewed}/labels.csv",))
    assert clips(gathered).loc["base/2.wav", ["split", "labels", "unknown"]].tolist() == ["train", ["cel", "voi"], []]
    assert "1 of 4 reviewed clips are in train already: that audio has the reviewed labels now" in gathered.notes


def test_one_label_of_many_takes_the_place_of_the_other(base: Path, reviewed: Path) -> None:
    gathered, verdict = gather("multiclass", train=(f"csv:{base}/clips.csv",), reviewed=(f"csv:{reviewed}/labels.csv",))
    assert verdict.ok, verdict.failures
    assert clips(gathered).loc["base/2.wav", "labels"] == ["cel"]


def test_an_earlier_export_that_the_base_names_is_not_heard_twice(base: Path, reviewed: Path, tmp_path: Path) -> None:
    shutil.copytree(reviewed, tmp_path / "before")
    (tmp_path / "before/labels.csv").write_text("file,cel,voi\nnew.wav,0,1\n")
    train = (f"csv:{base}/clips.csv", f"csv:{tmp_path}/before/labels.csv")
    gathered, verdict = gather(train=train, reviewed=(f"csv:{reviewed}/labels.csv",))
    assert verdict.ok, verdict.failures
    assert clips(gathered).filter(like="new.wav", axis=0)["labels"].to_dict() == {"before/new.wav": ["cel", "voi"]}


def test_a_val_that_is_taken_from_train_keeps_equal_audio_together(base: Path, reviewed: Path) -> None:
    (base / "clips.csv").write_text("file,cel,voi\n" + "".join(f"{number}.wav,{number % 2},{1 - number % 2}\n" for number in range(8)))
    gathered, verdict = gather(train=(f"csv:{base}/clips.csv",), reviewed=(f"csv:{reviewed}/labels.csv",), val_share=0.3, test_share=0.0)
    assert verdict.ok, verdict.failures
    assert sorted(set(clips(gathered)["split"])) == ["train", "val"]
    assert len(clips(gathered)) == 9


def test_other_data_with_the_same_audio_are_still_refused(base: Path, reviewed: Path) -> None:
    _, verdict = gather(train=(f"csv:{base}/clips.csv", f"csv:{reviewed}/labels.csv"))
    assert len(verdict.failures) == 2
    assert all(failure.startswith("the same audio is in two splits") for failure in verdict.failures)
    shutil.copyfile(base / "0.wav", base / "7.wav")
    shutil.copyfile(base / "0.wav", reviewed / "r2.wav")
    _, verdict = gather(train=(f"csv:{base}/clips.csv",), reviewed=(f"csv:{reviewed}/labels.csv",))
    assert len(verdict.failures) == 1
    assert "base/0.wav (train)" in verdict.failures[0]
