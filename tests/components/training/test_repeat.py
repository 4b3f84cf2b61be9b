import os
import signal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from components.config import Config
from components.datasets import Manifest
from components.errors import DataError
from components.store import Store
from timbre.repeat import over_folds, over_seeds


@pytest.fixture(scope="module")
def short(config: Config) -> Config:
    training = config.training.model_copy(update={"max_steps": 2, "tensorboard": False})
    return config.model_copy(update={"training": training})


def folded(store: Store, folds: list[str]) -> Store:
    copy = store.resplit(store.manifest.frame["split"].tolist())
    copy.manifest = Manifest(copy.manifest.frame.assign(fold=folds), copy.manifest.label_set)
    return copy


def test_seeds_give_a_mean_and_a_deviation(short: Config, store: Store, tmp_path: Path) -> None:
    repeated = over_seeds(short, store, tmp_path, seeds=2)
    assert list(repeated.runs.index) == ["seed-0", "seed-1"]
    assert repeated.split == "test"
    summary = pd.read_csv(tmp_path / "summary.csv", index_col="metric")
    first, second = repeated.runs["mAP"]
    assert summary.loc["mAP", "mean"] == pytest.approx((first + second) / 2)
    assert summary.loc["mAP", "deviation"] == pytest.approx(abs(first - second) / 2**0.5)
    assert "instruments/low_f1" in summary.index
    assert (tmp_path / "seed-1" / "pitches" / "tagger.json").is_file()
    with pytest.raises(DataError, match="1 seed gives no deviation"):
        over_seeds(short, store, tmp_path, seeds=1)


def test_each_fold_is_judged_by_what_has_not_seen_it(short: Config, store: Store, tmp_path: Path) -> None:
    folds = ["a" if place % 3 else "b" for place in range(len(store))]
    repeated = over_folds(short, folded(store, folds), tmp_path)
    assert list(repeated.runs.index) == ["fold-a", "fold-b"]
    assert (repeated.summary.loc["f1", "runs"], len(repeated.runs)) == (2, 2)


def test_folds_that_cannot_be_are_one_sentence(short: Config, store: Store, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="38 of 38 clips have no fold"):
        over_folds(short, store, tmp_path)
    with pytest.raises(DataError, match="the data have one fold"):
        over_folds(short, folded(store, ["1"] * 38), tmp_path)
    torn = folded(store, ["1", "2"] * 19)
    torn.manifest = Manifest(torn.manifest.frame.assign(group="one song"), torn.manifest.label_set)
    with pytest.raises(DataError, match="group 'one song' is in 2 folds"):
        over_folds(short, torn, tmp_path)


def pressing(times: int, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """Ctrl+C that often in the step that comes at that place in the whole work."""
    from components.training.learner import Learner

    step, seen = Learner.training_step, []

    def press(learner: Learner, windows: Any, batch_idx: int) -> Any:
        if learner._trainer is not None:  # a measurement before training has none
            seen.append(True)
        for _ in range(times if len(seen) == at else 0):
            os.kill(os.getpid(), signal.SIGINT)
        return step(learner, windows, batch_idx)

    monkeypatch.setattr(Learner, "training_step", press)


def test_one_press_ends_the_training_and_what_there_is_is_the_result(
    short: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pressing(1, monkeypatch, at=5)  # the first step of the third
    repeated = over_seeds(short, store, tmp_path, seeds=5)
    assert list(repeated.runs.index) == ["seed-0", "seed-1", "seed-2"]
    assert (repeated.cut_short, repeated.asked, len(repeated.whole)) == ("seed-2", 5, 2)
    assert repeated.summary.loc["f1", "mean"] == pytest.approx(repeated.runs["f1"][:2].mean())
    assert pd.read_csv(tmp_path / "runs.csv", index_col="run")["cut_short"].tolist() == [0, 0, 1]
    assert len((tmp_path / "seed-2" / "history.csv").read_text().splitlines()) == 2  # judged once, after the step


def test_two_presses_stop_at_once_and_what_was_whole_stays(
    short: Config, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    former = signal.getsignal(signal.SIGINT)
    pressing(2, monkeypatch, at=3)
    with pytest.raises(KeyboardInterrupt):
        over_seeds(short, store, tmp_path, seeds=3)
    assert pd.read_csv(tmp_path / "runs.csv")["run"].tolist() == ["seed-0"]
    assert signal.getsignal(signal.SIGINT) is former
