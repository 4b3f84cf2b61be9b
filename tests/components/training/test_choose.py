"""Which of two recipes is better, on folds of whole groups that both have."""

from pathlib import Path

import pandas as pd
import pytest

from components.config import Config, ModelConfig
from components.datasets import Manifest
from components.errors import ConfigError, DataError
from components.store import Store
from timbre.choose import Chosen, compare_over_folds, folds_of_groups


@pytest.fixture(scope="module")
def grouped(store: Store) -> Store:
    """Two clips a group."""
    copy = store.resplit(store.manifest.frame["split"].tolist())
    copy.manifest = Manifest(
        copy.manifest.frame.assign(group=[f"song {place // 2}" for place in range(len(store))]), store.manifest.label_set
    )
    return copy


def test_folds_keep_groups_whole_and_share_out_the_labels(grouped: Store) -> None:
    folds = folds_of_groups(grouped, 3, seed=0)
    frame = grouped.manifest.frame
    assert set(folds) == set(frame["group"])
    own = frame["group"].map(folds)
    assert sorted(set(own)) == ["fold-1", "fold-2", "fold-3"]
    assert own.value_counts().max() - own.value_counts().min() <= 4
    for label in ("low", "mid", "high"):
        carries = frame["labels"].map(lambda labels, label=label: label in labels)
        assert own[carries].nunique() == 3
    with pytest.raises(DataError, match="19 groups of clips cannot fill 20 folds"):
        folds_of_groups(grouped, 20, seed=0)


def test_differences_are_taken_fold_by_fold() -> None:
    chosen = Chosen(pd.DataFrame({"scratch": [0.5, 0.7, 0.3], "frozen": [0.6, 0.8, 0.43]}, index=["a", "b", "c"]))
    assert chosen.winner == "frozen"
    assert list(chosen.table.index) == ["frozen", "scratch"]
    assert chosen.table.loc["scratch", "behind"] == pytest.approx(0.11)
    assert chosen.table.loc["scratch", "behind_deviation"] == pytest.approx(0.0173, abs=1e-4)  # where each by itself varies by 0.2
    assert chosen.clear
    assert not Chosen(pd.DataFrame({"one": [0.5, 0.7], "two": [0.7, 0.52]})).clear


@pytest.mark.slow
def test_a_frozen_backbone_against_one_from_scratch(config: Config, grouped: Store, tmp_path: Path) -> None:
    training = config.training.model_copy(update={"max_steps": 1, "tensorboard": False, "augmentations": ()})
    scratch = config.model_copy(update={"training": training})
    frozen = scratch.model_copy(update={"model": ModelConfig(name="SMALL_CNN", params={"widths": [8, 8, 16]}, frozen=True)})
    chosen = compare_over_folds({"scratch": scratch, "frozen": frozen}, lambda config: grouped, tmp_path, folds=2)
    assert chosen.winner == "frozen"  # one step teaches nothing; a head is fitted to the end
    assert pd.read_csv(tmp_path / "folds.csv", index_col="fold").shape == (2, 2)
    assert (tmp_path / "frozen" / "fold-2" / "pitches" / "tagger.json").is_file()
    with pytest.raises(ConfigError, match="1 recipes on 2 folds leave nothing to choose"):
        compare_over_folds({"scratch": scratch}, lambda config: grouped, tmp_path, folds=2)
