"""Where a training job goes on after its worker died, and what is read of its files."""

import json
from pathlib import Path

import pytest

from components.registry.job import Pulse
from timbre.job_folder import JobFolder, read_pace, tell_digest

RUN = {"ckpt": None, "step": 2, "steps": 4, "epoch": 1, "epochs": 2, "metrics": {"val_f1": 0.5}}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def attempt(**pace: object) -> JobFolder:
    """The folder after an attempt that told this."""
    folder = JobFolder("job")
    folder.make()
    folder.pace_file.write_text(json.dumps(RUN | pace))
    return folder


def leave(place: Path, run: str, *files: str) -> str:
    """What a training left in its run folder."""
    for name in files:
        (place / "models" / run / name).parent.mkdir(parents=True, exist_ok=True)
        (place / "models" / run / name).touch()
    return str(place / "models" / run)


def test_nothing_was_left() -> None:
    assert JobFolder("job").resume_from() is None
    attempt(run="gone")
    assert JobFolder("job").resume_from() is None


def test_it_goes_on_from_the_newest_checkpoint(place: Path) -> None:
    first = leave(place, "first", "checkpoints/last.ckpt")
    attempt(run="first")
    assert JobFolder("job").resume_from() == first
    leave(place, "second", "train.log")
    attempt(run="second", ckpt=first)
    assert JobFolder("job").resume_from() == first
    second = leave(place, "second", "checkpoints/last.ckpt")
    assert JobFolder("job").resume_from() == second


def test_a_sealed_tagger_is_found_by_the_same_settings_again(place: Path) -> None:
    leave(place, "run", "checkpoints/last.ckpt", "tones/tagger.json")
    attempt(run="run")
    assert JobFolder("job").resume_from() is None
    leave(place, "again", "checkpoints/last.ckpt", "tones/tagger.json")
    attempt(run="again", ckpt="from")
    assert JobFolder("job").resume_from() == "from"


def test_a_whole_training_has_nothing_to_go_on_with(place: Path) -> None:
    leave(place, "run", "checkpoints/last.ckpt")
    attempt(run="run", step=4)
    assert JobFolder("job").resume_from() is None


def test_what_is_told_of_it(place: Path) -> None:
    folder = JobFolder("job")
    assert (folder.pulse().step, folder.pulse().log_tail) == (None, "")
    folder = attempt(run="run")
    leave(place, "run", "train.log")
    (place / "models" / "run" / "train.log").write_text("by hand\n")
    assert folder.pulse().log_tail == "by hand\n"
    folder.log.write_text("a\ntimbre: no clips: add some\n" + "b" * 100_000 + "\ntimbre: last words\n")
    pulse = folder.pulse()
    assert (pulse.step, pulse.steps, pulse.epoch, pulse.epochs, pulse.metrics, pulse.run) == (2, 4, 1, 2, {"val_f1": 0.5}, "run")
    assert len(pulse.log_tail) <= 65536
    assert folder.error() == "last words"
    tell_digest(folder.pace_file, "d")
    assert read_pace(folder.pace_file) == {**RUN, "run": "run", "digest": "d"}


def test_what_cannot_be_read_tells_nothing() -> None:
    folder = JobFolder("job")
    folder.pace_file.mkdir(parents=True)
    folder.log.mkdir()
    assert (folder.pulse(), folder.error(), JobFolder("job").resume_from()) == (Pulse(log_tail=""), None, None)


def test_who_only_looks_makes_no_folder(place: Path) -> None:
    folder = JobFolder("job")
    assert folder.pulse() == Pulse(log_tail="")
    assert list(place.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b'{"run": "ru', b"\xff\xfe\0", b"3"])
def test_a_pace_file_that_a_power_cut_left_is_none(content: bytes) -> None:
    folder = attempt(run="run")
    folder.pace_file.write_bytes(content)
    assert read_pace(folder.pace_file) == {}
    assert (folder.pulse().run, JobFolder("job").resume_from()) == (None, None)
    tell_digest(folder.pace_file, "d")
    assert read_pace(folder.pace_file) == {"digest": "d"}
