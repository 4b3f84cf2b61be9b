"""`timbre train --seeds`, `--folds` and `timbre tune`: what they print and leave; in this process, as each start of torch takes seconds."""

import csv
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas as pd
import pytest
import yaml

from components.config import load_config
from components.errors import ConfigError, TimbreError
from components.registry import Registry
from components.registry.jobs import Jobs
from tests.fixtures.sounds import noise, sine, write
from timbre.cli import app
from timbre.cli.arguments import spread

Command = Callable[[str], str]
RATE = 8000
PITCH_HZ = {"low": 220, "high": 2600}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 clips of one pitch in three folds, a 25th that is no audio, the same without folds, and a recipe of two steps."""
    folder = tmp_path_factory.mktemp("place")
    rows = []
    for number in range(25):
        name = list(PITCH_HZ)[number % 2]
        if number < 24:
            sound = sine(PITCH_HZ[name], 0.6, RATE, amplitude=0.2) + noise(0.6, RATE, seed=number, amplitude=0.01)
            write(folder / f"{number}.wav", sound, RATE)
        rows.append({"file": f"{number}.wav", "fold": number // 2 % 3, **{code: int(code == name) for code in PITCH_HZ}})
    (folder / "24.wav").write_text("no audio")
    for table, columns in (("folds.csv", list(rows[0])), ("plain.csv", ["file", *PITCH_HZ])):
        with (folder / table).open("w", newline="") as file:
            writer = csv.DictWriter(file, columns, extrasaction="ignore")
            writer.writeheader()
            writer.writerows(rows)
    training = {"max_steps": 2, "val_every_steps": 1, "batch_size": 4, "device": "cpu", "tensorboard": False}
    recipe = {
        "name": "small",
        "labels": "CSV",
        "data": {"train": ["csv:folds.csv"], "val_share": 0.3, "test_share": 0.2, "max_bad_fraction": 0.1},
        "audio": {"sample_rate": RATE},
        "windows": {"length_s": 0.5, "hop_s": 0.25},
        "feature": {"params": {"n_fft": 256, "hop": 128, "n_mels": 24}},
        "model": {"params": {"widths": [8, 8, 16]}},
        "training": training,
    }
    (folder / "small.yaml").write_text(yaml.safe_dump(recipe))
    return folder


@pytest.fixture
def timbre(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs a command in that folder and gives what it printed."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("TIMBRE_STORE", str(place / "store"))
    loggers = [logging.getLogger(name) for name in ("components", "timbre")]
    before = [(logger.handlers[:], logger.level, logger.propagate) for logger in loggers]

    def run(line: str) -> str:
        app(args=spread(line.split()), prog_name="timbre", standalone_mode=False)
        return capsys.readouterr().out

    yield run
    for logger, state in zip(loggers, before, strict=True):
        logger.handlers[:], logger.level, logger.propagate = state


def row(printed: str, first: str) -> list[str]:
    return next(line for line in printed.splitlines() if line.strip().startswith(first)).split()


def test_folds_of_one_label_each_are_told_by_accuracy(timbre: Command, place: Path) -> None:
    printed = timbre("train --config small.yaml --task multiclass --folds --name folded")
    assert "3 runs, each judged on its own fold" in printed
    assert row(printed, "run") == ["run", "accuracy", "macro", "F1", "mAP"]
    (folder,) = (place / "models").glob("*_folded")
    runs = pd.read_csv(folder / "runs.csv", index_col="run")
    assert row(printed, "fold-1")[1] == f"{runs['accuracy']['fold-1']:.3f}"
    mean, deviation = runs["accuracy"].mean(), runs["accuracy"].std()
    assert f"{mean:.3f} ± {deviation:.3f}" in next(line for line in printed.splitlines() if "mean ± deviation of 3" in line)
    assert pd.read_csv(folder / "summary.csv", index_col="metric").loc["accuracy", "mean"] == pytest.approx(mean)
    assert load_config(folder / "config.yaml").task == "multiclass"
    assert (folder / "fold-2" / "train.log").is_file()
    assert "nothing was registered or promoted" in printed


def test_seeds_say_which_split_was_judged(timbre: Command, place: Path) -> None:
    printed = timbre("train --config small.yaml --seeds 2 --seed 3 --name seeded")
    assert "2 runs, each judged on test" in printed
    assert row(printed, "run")[1:] == ["macro", "F1", "precision", "recall", "micro", "F1", "mAP"]
    assert row(printed, "seed-4")
    (folder,) = (place / "models").glob("*_seeded")
    assert {path.name for path in folder.iterdir()} == {"config.yaml", "runs.csv", "summary.csv", "seed-3", "seed-4"}


def test_tune_searches_and_goes_on(timbre: Command, place: Path) -> None:
    line = "tune --config small.yaml --set name=tuned --search training.lr={log:[1e-4,1e-2]} training.batch_size={choice:[2,4]} --trials"
    assert "1 of 1 trials (1 whole), judged on val" in timbre(f"{line} 1")
    printed = timbre(f"{line} 2")
    assert "2 of 2 trials (2 whole), judged on val" in printed
    (folder,) = (place / "models").glob("*_tuned_tune")
    best = pd.read_csv(folder / "trials.csv").iloc[0]
    assert load_config(folder / "best.yaml").training.batch_size == best["training.batch_size"]
    assert f"timbre train --config {folder / 'best.yaml'}" in printed
    assert "2 of 9 trials" in timbre(f"{line} 9 --timeout-min 0")


def test_a_stack_is_refused_before_a_job_is_entered(timbre: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{tmp_path / 'jobs.db'}")
    with pytest.raises(ConfigError, match="leave --stack out"):
        timbre("train --config small.yaml --seeds 2 --stack local")
    with Registry() as registry:
        assert not Jobs(registry.database).list().items


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("train --config small.yaml --seeds 1", "1 seed gives no deviation: ask for 2 or more"),
        ("train --config small.yaml --seeds 3 --folds", "give one of them"),
        ("train --config small.yaml --seeds 3 --ckpt models", "leave one of them out"),
        ("train --config small.yaml --folds --ckpt models", "leave one of them out"),
        ("train --config small.yaml --folds --train-paths csv:plain.csv", "24 of 24 clips have no fold: fill the `fold` column"),
        ("train --config small.yaml --seeds 2 --set data.max_bad_fraction=0", "24.wav"),
        ("train --config small.yaml --seeds 2 --optimizer SGDX", "unknown optimizer 'SGDX'"),
        ("tune --config small.yaml --trials 1 --search training.lr=3", "training.lr: a space is"),
        ("tune --config small.yaml --trials 1 --search nowhere.yaml", "cannot read the search nowhere.yaml"),
    ],
)
def test_bad_input_is_one_sentence(timbre: Command, line: str, sentence: str) -> None:
    with pytest.raises(TimbreError) as caught:
        timbre(line)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)
