"""`timbre test` and `timbre compare`: what they print and leave; in this process, as each start of torch takes seconds."""

import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml

from components.errors import TaggerError, TimbreError
from tests.fixtures.pitches import seal_pitches, write_pitches
from timbre.cli import app
from timbre.cli.arguments import spread
from timbre.face import tagger_folder

Command = Callable[..., str]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two run folders with a tagger each, and clips."""
    folder = write_pitches(tmp_path_factory.mktemp("place"))
    for seed in (0, 1):
        seal_pitches(folder / f"run{seed}" / "small", seed)
    return folder


@pytest.fixture
def timbre(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs a command in that folder and gives what it printed."""
    monkeypatch.chdir(place)
    monkeypatch.setenv("TIMBRE_STORE", str(place / "store"))
    monkeypatch.setenv("TIMBRE_DATABASE_URL", f"sqlite:///{place}/timbre.db")
    logger = logging.getLogger("components")
    before = logger.handlers[:], logger.level, logger.propagate

    def run(line: str) -> str:
        app(args=spread(line.split()), prog_name="timbre", standalone_mode=False)
        return capsys.readouterr().out

    yield run
    logger.handlers[:], logger.level, logger.propagate = before


@pytest.fixture
def tested(timbre: Command, place: Path) -> tuple[str, str]:
    """What `timbre test` printed for the two runs, the first named by its tagger, the second by --ckpt and its run."""
    flags = "--dataset_paths csv:pitches.csv inference:0.wav --batch-size 4 --num-workers 1 --device cpu"
    first = timbre(f"test --model run0/small {flags} --out-dir run0/test --save-confusion")
    return first, timbre(f"test --ckpt run1 {flags} --out-dir run1/test")


def metrics(place: Path, seed: int) -> dict[str, float]:
    return yaml.safe_load((place / f"run{seed}" / "test" / "metrics.yaml").read_text())


def test_test_and_compare_go_together(timbre: Command, tested: tuple[str, str], place: Path) -> None:
    printed = tested[0]
    assert "test: 9 clips of 5 groups" in printed
    for name in ("predictions.json", "metrics.yaml", "confusion.png", "confusion_2x2.png"):
        assert f"wrote run0/test/{name}" in printed
        assert (place / "run0" / "test" / name).is_file()
    assert f"{metrics(place, 0)['f1']:.3f}" in next(line for line in printed.splitlines() if "macro" in line)
    assert "confusion.png" not in tested[1]

    made = json.loads(timbre("compare run0 run1 --json"))
    found = made["differences"][1]["f1"]
    assert made["clips"] == 9
    assert found["value"] == pytest.approx(metrics(place, 1)["f1"] - metrics(place, 0)["f1"], abs=2e-6)
    assert found["low"] <= found["high"]


def test_compare_scores_anew_on_clips_that_are_named(timbre: Command) -> None:
    printed = timbre("compare run0/small run1 run0 --dataset-paths csv:pitches.csv --device cpu")
    assert "9 clips of 5 groups" in printed
    assert "run1 less the first" in printed  # two are called alike, so they bear the names that were typed
    row = next(line for line in printed.splitlines() if line.split()[:1] == ["f1"])
    assert "+0.000 (+0.000 to +0.000)" in row


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("compare a", "name two or more"),
        ("compare nothing else", "no models are registered here"),
        ("compare run0/small run1/small", "name the clips to compare on by --dataset-paths"),
        ("compare run0 run1 --dataset-paths inference:0.wav", "bring no labels to compare by"),
        ("test --model nothing --dataset-paths x", "no models are registered here"),
        ("test --model run0 --dataset-paths csv:nowhere.csv", "nowhere.csv"),
        ("train --config nowhere.yaml --aug-kwargs x=1", "nowhere.yaml"),
        ("train --val-paths irmastest:x", "add --train-paths"),
    ],
)
def test_bad_input_is_one_sentence(timbre: Command, line: str, sentence: str) -> None:
    with pytest.raises(TimbreError) as caught:
        timbre(line)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_path_means_the_tagger_in_it_or_around_it(tmp_path: Path) -> None:
    run = tmp_path / "run"
    tagger = seal_pitches(run / "small", 0)
    checkpoint = run / "checkpoints" / "last.ckpt"
    checkpoint.parent.mkdir()
    checkpoint.touch()
    assert {tagger_folder(place) for place in (run, tagger, checkpoint)} == {tagger}
    assert tagger_folder("production") is None
    assert tagger_folder(checkpoint.parent) is None
    alone = tmp_path / "far" / "from" / "a.ckpt"
    alone.parent.mkdir(parents=True)
    alone.touch()
    with pytest.raises(TaggerError, match="lies in no run folder with a tagger"):
        tagger_folder(alone)
    seal_pitches(run / "other", 1)
    with pytest.raises(TaggerError, match="several taggers"):
        tagger_folder(run)
