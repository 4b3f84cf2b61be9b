"""The command lines that people already type for training and testing run on the sample data, from the first clip to the files at the end.

Each is what a published user guide shows, with `timbre train` or `timbre test` in front, the sample's paths, and for training `--quick`
and `--pretrained none`.
"""

import csv
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.pipelines.conftest import ROOT, Project

pytestmark = pytest.mark.slow
PATHS = "--train-paths irmastrain:data/sample/train --val-paths irmastest:data/sample/test"
PARTS = "--audio-transform MEL_SPECTROGRAM --quick --pretrained none"
BASE = f"timbre train {PATHS} --model CONVNEXT_TINY {PARTS}"
PHASES = "--head-after classifier --finetune_head_epochs 5 -backbone-after layer3.2"
AUGMENTED = f"{BASE} --augmentations TIME_STRETCH TIME_SHIFT PITCH FREQ_MASK"
TESTED = 24  # of the clips for testing, so that it takes seconds
FEW = 66  # two clips of eleven instruments in three splits


@dataclass(frozen=True)
class Answer:
    """What a command line gave: its exit code, what it printed, and what it logged."""

    code: int
    out: str
    err: str


Timbre = Callable[[str], Answer]


@pytest.fixture(scope="module")
def place(bare_project: Project) -> Project:
    """The project with its sample data and its default configuration."""
    folder, sample = bare_project.folder, ROOT / "data" / "sample"
    (folder / "data" / "sample" / "test" / "Part1").mkdir(parents=True)
    for split in ("train", "val"):
        (folder / "data" / "sample" / split).symlink_to(sample / split)
    for clip in sorted((sample / "test" / "Part1").glob("*.ogg"))[:TESTED]:
        for file in (clip, clip.with_suffix(".txt")):
            shutil.copy(file, folder / "data" / "sample" / "test" / "Part1")
    (folder / "configs").symlink_to(ROOT / "configs")
    return bare_project


@pytest.fixture(scope="module")
def timbre(place: Project) -> Iterator[Timbre]:
    """Runs a line as `timbre` does; one process, store and ZenML for all."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL, "text": True}
    command = [sys.executable, "-W", "ignore", str(Path(__file__).with_name("shell.py"))]
    with subprocess.Popen(command, cwd=place.folder, env=place.environment, **pipes) as process:

        def run(line: str) -> Answer:
            process.stdin.write(f"{line}\n")
            process.stdin.flush()
            return Answer(**json.loads(process.stdout.readline()))

        yield run
        process.stdin.close()


@pytest.fixture(scope="module")
def trained(timbre: Timbre) -> Answer:
    """The minimal line's answer."""
    return timbre(f"{BASE} --nofinetune-head")


def runs(place: Project) -> list[Path]:
    """Run folders, the newest last."""
    return sorted((place.folder / "models").glob("*_sample"), key=lambda folder: folder.stat().st_mtime)


def counted(log: str, what: str) -> int:
    return int(re.findall(rf"{what}: done, (\d+)", log)[-1])


def test_the_minimal_line_trains_a_tagger_of_few_clips_all_the_way(trained: Answer, place: Project) -> None:
    assert trained.code == 0, trained.err
    for what in ("looking at clips", "featurize", "judge"):
        assert 0 < counted(trained.err, what) <= FEW, what
    assert "not promoted: it comes from a quick run, of a few steps on a few clips" in trained.out
    assert "This is a quick run" in (place.folder / "report.html").read_text()
    tagger = json.loads((runs(place)[0] / "sample" / "tagger.json").read_text())
    assert (tagger["quick"], tagger["model"]["name"], len(tagger["thresholds"])) == (True, "CONVNEXT_TINY", 11)


@pytest.mark.parametrize(
    ("line", "told"),
    [
        (f"{BASE} --nofinetune-head --batch-size 1 --num-workers 1", {"batch_size": 1}),
        (f"{BASE} --head-after classifier --backbone-after classifier", {"backbone_after": "classifier", "finetune_head": True}),
        (f"{AUGMENTED} --aug-kwargs stretch_factors=0.9,1.1 freq_mask_param=50 sum_n_samples=3", {}),
        (f"{AUGMENTED} --metric VAL_F1 --metric_mode MAX", {"metric": "VAL_F1", "metric_mode": "MAX"}),
    ],
)
def test_a_line_of_the_guide_trains(trained: Answer, timbre: Timbre, place: Project, line: str, told: dict[str, object]) -> None:
    before = len(runs(place))
    answer = timbre(line)
    assert answer.code == 0, answer.err
    assert "not promoted: it comes from a quick run" in answer.out
    assert len(runs(place)) == before + 1
    training = yaml.safe_load((runs(place)[-1] / "config.yaml").read_text())["training"]
    assert {key: training[key] for key in told} == told
    if "--augmentations" in line:
        params = {one["name"]: one["params"] for one in training["augmentations"]}
        assert list(params) == ["TIME_STRETCH", "TIME_SHIFT", "PITCH", "FREQ_MASK"]
        assert params["FREQ_MASK"] == ({"freq_mask_param": 50} if "--aug-kwargs" in line else {})


def test_head_then_backbone_at_explicit_rates_on_the_data_of_the_file(trained: Answer, timbre: Timbre, place: Project) -> None:
    rates = "--lr-warmup 5e-5 --lr 1e-5 --lr-onecycle-max 1e-4"
    answer = timbre(f"timbre train --model RESNEXT50_32X4D {PARTS} {PHASES} {rates}")
    assert answer.code == 0, answer.err
    with (runs(place)[-1] / "history.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [2, 4]
    assert float(rows[0]["lr"]) == pytest.approx((5e-5 * 1e-5) ** 0.5, rel=1e-3)  # half of the way from lr-warmup to lr
    assert "not promoted: it comes from a quick run" in answer.out


def test_a_layer_of_another_model_lists_the_layers_before_any_work(timbre: Timbre) -> None:
    answer = timbre(f"{BASE} {PHASES}")
    assert answer.code == 2
    assert "looking at clips" not in answer.err
    sentence = answer.err.strip().splitlines()[-1]
    assert sentence.startswith("timbre: training.backbone_after: this model has no layer 'layer3.2'")
    assert "its layers are: stem, " in sentence
    assert sentence.endswith("classifier")


def test_a_bare_path_gives_predictions_only(trained: Answer, timbre: Timbre, place: Project) -> None:
    run = runs(place)[0].relative_to(place.folder)
    flags = f"--ckpt {run}/checkpoints/last.ckpt --batch-size 1 --num-workers 1"
    answer = timbre(f"timbre test --dataset-paths data/sample/test {flags} --out-dir t1")
    assert answer.code == 0, answer.err
    assert [file.name for file in (place.folder / "t1").iterdir()] == ["predictions.json"]
    assert len(json.loads((place.folder / "t1" / "predictions.json").read_text())["clips"]) == TESTED


def test_every_picture_that_is_asked_for(trained: Answer, timbre: Timbre, place: Project) -> None:
    wanted = "--save-metric-hist --save-confusion --save-instrument-metrics --save-roc"
    key = re.search(r"^model +([^ ,]+)", trained.out, re.MULTILINE)[1]
    line = f"timbre test --dataset-paths irmastest:data/sample/test --ckpt {key} --batch-size 1 --num-workers 1"
    answer = timbre(f"{line} {wanted} --out-dir t2")
    assert answer.code == 0, answer.err
    assert {file.name for file in (place.folder / "t2").iterdir()} == {
        *("predictions.json", "metrics.yaml", "roc.png", "precision_recall.png", "confusion.png", "confusion_2x2.png"),
        *("metric_hist.png", "instruments.csv", "instruments.png"),
    }
    assert "instruments/violin_precision" in yaml.safe_load((place.folder / "t2" / "metrics.yaml").read_text())


@pytest.mark.parametrize("means", ["{run}", "{run}/sample", "{run}/checkpoints/best.safetensors"])
def test_a_run_its_tagger_and_its_weights_all_mean_the_tagger(trained: Answer, place: Project, timbre: Timbre, means: str) -> None:
    run = runs(place)[0].relative_to(place.folder)
    clip = next((place.folder / "data" / "sample" / "test").rglob("*.ogg"))
    answer = timbre(f"timbre test --dataset-paths '{clip}' --ckpt {means.format(run=run)} --out-dir t3")
    assert answer.code == 0, answer.err
    assert json.loads((place.folder / "t3" / "predictions.json").read_text())["clips"]


def test_the_command_itself_runs_in_a_process_of_its_own(trained: Answer, place: Project) -> None:
    run = runs(place)[0].relative_to(place.folder)
    line = f"timbre test --dataset-paths irmastest:data/sample/test --model {run} --out-dir t4"
    printed = place.run(*line.split()).stdout
    assert "wrote t4/metrics.yaml" in printed
    assert "human_voice" in printed
