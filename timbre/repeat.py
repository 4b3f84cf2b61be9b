"""The same recipe several times, over seeds or over folds: how good it is, and how much of that is luck."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.config import Config
from components.datasets.splits import shares_of, split_groups
from components.errors import DataError
from components.files import write_whole
from components.judge import judge
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import Tagger
from components.training import fit


@dataclass(frozen=True)
class Repeated:
    """Runs of one recipe.

    Args:
        runs: a row a run (`seed-0`, `fold-3`), a column a metric; NaN where a metric is undefined.
        split: what they were judged on.
    """

    runs: pd.DataFrame
    split: str

    @property
    def summary(self) -> pd.DataFrame:
        """A row a metric with `mean`, `deviation` (of the sample: n - 1) and the number of `runs` in which it was defined."""
        return pd.DataFrame({"mean": self.runs.mean(), "deviation": self.runs.std(ddof=1), "runs": self.runs.count()})

    def write(self, folder: Path) -> None:
        """`runs.csv` and `summary.csv`."""
        write_whole(folder / "runs.csv", self.runs.to_csv(index_label="run").encode())
        write_whole(folder / "summary.csv", self.summary.to_csv(index_label="metric").encode())


def over_seeds(config: Config, store: Store, folder: Path, seeds: int, progress: Progress = quiet) -> Repeated:
    """Train `seeds` times, from `training.seed` on, and judge each on test, or on val where there is no test split.

    Args:
        folder: gets a run folder a run, `runs.csv` and `summary.csv`.
    Raises:
        DataError: if fewer than two seeds are asked for.
    """
    if seeds < 2:
        raise DataError(f"{seeds} seed gives no deviation: ask for 2 or more")
    first = config.training.seed
    runs = [(f"seed-{seed}", _seeded(config, seed), store) for seed in range(first, first + seeds)]
    return _repeat(iter(runs), folder, progress)


def over_folds(config: Config, store: Store, folder: Path, progress: Progress = quiet) -> Repeated:
    """Train once a fold of the data's own `fold` column and judge on that fold, which nothing of the run has seen.

    Of the other folds' groups `data.val_share` becomes val. A split that the data bring is set aside.

    Args:
        folder: gets a run folder a fold, `runs.csv` and `summary.csv`.
    Raises:
        DataError: if the data have fewer than two folds, a clip without one, or a group in two.
    """
    folds = store.manifest.frame["fold"].astype(str).to_numpy()
    _check(folds, store)
    runs = ((f"fold-{fold}", config, store.resplit(_splits(config, store, folds == fold))) for fold in sorted(set(folds)))
    return _repeat(runs, folder, progress)


def _repeat(runs: Iterator[tuple[str, Config, Store]], folder: Path, progress: Progress) -> Repeated:
    found, split = {}, ""
    for name, config, store in runs:
        tagger = Tagger.open(fit(config, store, folder / name, progress))
        split = "test" if len(store.of("test")) else "val"
        judged = judge(tagger, store.of(split), config.evaluation.model_copy(update={"bootstrap_rounds": 1}), progress, split=split)
        found[name] = {key: value for key, value in judged.metrics.values.items() if not key.endswith("_support")}
        repeated = Repeated(pd.DataFrame.from_dict(found, orient="index"), split)
        repeated.write(folder)  # after each, so that what has been trained is not lost
    return repeated


def _seeded(config: Config, seed: int) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update={"seed": seed})})


def _check(folds: npt.NDArray[np.object_], store: Store) -> None:
    if "" in folds:
        raise DataError(f"{(folds == '').sum()} of {len(folds)} clips have no fold: fill the `fold` column of the data for each")
    if len(set(folds)) < 2:
        raise DataError("the data have one fold: give the `fold` column two or more values")
    across = store.manifest.frame.assign(fold=folds).groupby("group")["fold"].nunique()
    if (across > 1).any():
        raise DataError(f"group {across.idxmax()!r} is in {across.max()} folds: keep a group whole, or it is judged by what learnt from it")


def _splits(config: Config, store: Store, held_out: npt.NDArray[np.bool_]) -> list[str]:
    """A split for each clip."""
    rest = store.manifest.frame[~held_out]
    groups = {str(group): list(clips["labels"]) for group, clips in rest.groupby("group")}
    chosen = split_groups(groups, shares_of(config.data.val_share, 0.0), config.data.split_seed)
    return ["test" if out else chosen[str(group)] for out, group in zip(held_out, store.manifest.frame["group"], strict=True)]
