from pathlib import Path

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
