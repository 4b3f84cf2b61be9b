"""What ZenML runs again after a change, and what it does not: read from the runs that it kept."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipelines.conftest import Project, write_tone

pytestmark = pytest.mark.slow
ALWAYS = {"validate", "register"}  # they look at the world: the data, the registry
ALL = ALWAYS | {"featurize", "train", "evaluate"}


@pytest.fixture(scope="module")
def again(project: Project) -> Iterator[Callable[..., set[str]]]:
    """Run once more, after an edit or with overrides: the names of the steps that were not cached."""
    script = Path(__file__).with_name("session.py")
    command = [sys.executable, "-W", "ignore", str(script)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, cwd=project.folder, env=project.environment, text=True, **pipes) as process:

        def ask(edit: str | None = None, overrides: tuple[str, ...] = ()) -> set[str]:
            process.stdin.write(json.dumps({"edit": edit, "overrides": overrides}) + "\n")
            process.stdin.flush()
            answer = json.loads(process.stdout.readline())
            assert answer["error"] is None, answer["error"]
            return set(answer["ran"])

        assert ask() == ALL
        yield ask
        process.stdin.close()


def test_nothing_changed(again) -> None:
    assert again() == ALWAYS


def test_another_learning_rate_redoes_train_and_what_follows(again) -> None:
    assert again(overrides=("training.lr=2e-4",)) == ALL - {"featurize"}


def test_another_gate_redoes_nothing(again) -> None:
    assert again(overrides=("gate.min_f1=0.9",)) == ALWAYS


def test_another_bootstrap_redoes_evaluate(again) -> None:
    assert again(overrides=("evaluation.bootstrap_rounds=60",)) == ALWAYS | {"evaluate"}


@pytest.mark.parametrize(
    ("file", "redone"),
    [
        ("components/audio/rounding.py", {"featurize", "train", "evaluate"}),
        ("components/store/build.py", {"featurize", "train", "evaluate"}),
        ("components/features/mel_spectrogram.py", {"train", "evaluate"}),
        ("components/augmentations/time_shift.py", {"train", "evaluate"}),
        ("components/models/small_cnn.py", {"train", "evaluate"}),
        ("components/losses/cross_entropy.py", {"train", "evaluate"}),
        ("components/network.py", {"train", "evaluate"}),
        ("components/tagger/tagger.py", {"train", "evaluate"}),
        ("components/training/learner.py", {"train", "evaluate"}),
        ("components/evaluation/thresholds.py", {"train", "evaluate"}),
        ("components/evaluation/report.py", {"evaluate"}),
        ("components/judge.py", {"evaluate"}),
        ("components/validation/suites.py", set()),
        ("components/registry/gate.py", set()),
        ("steps/evaluate.py", {"evaluate"}),
    ],
)
def test_changed_code_redoes_the_steps_that_use_it(again, file: str, redone: set[str]) -> None:
    assert again(edit=file) == ALWAYS | redone


def test_a_changed_an_added_and_a_removed_clip_are_noticed(again, project: Project) -> None:
    clips = project.folder / "data" / "train" / "cel"
    write_tone(clips / "[cel][cla]0000__1.wav", [233.0], seed=77)
    assert again() == ALL
    write_tone(clips / "[cel][cla]0044__1.wav", [247.0], seed=78)
    assert again() == ALL
    (clips / "[cel][cla]0044__1.wav").unlink()
    assert again() == ALWAYS  # as before it was added: ZenML still has that result


def test_data_that_were_moved_redo_nothing(again, project: Project) -> None:
    shutil.copytree(project.folder / "data", project.folder / "elsewhere" / "data")
    paths = tuple(f"data.{split}=['{kind}:elsewhere/data/{split}']" for split, kind in
                  (("train", "irmastrain"), ("val", "irmastest"), ("test", "irmastest")))  # fmt: skip
    assert again(overrides=paths) == ALWAYS


def test_a_store_that_is_gone_is_filled_again_and_trains_nothing(again, project: Project) -> None:
    shutil.rmtree(project.folder / ".timbre" / "store")
    assert again() == ALWAYS | {"featurize"}
    assert again() == ALWAYS


def test_artifacts_that_are_gone_are_made_again(again, project: Project) -> None:
    (tagger,) = (project.folder / "zenml" / "local_stores").glob("*/train/tagger")
    shutil.rmtree(tagger)
    assert again() == ALWAYS | {"train", "evaluate"}
    assert again() == ALWAYS
