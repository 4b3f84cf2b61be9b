"""The same recipe several times, over seeds or over folds: how good it is, and how much of that is luck."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from components.config import Config
from components.datasets import Manifest
from components.datasets.splits import shares_of, split_groups
from components.errors import DataError
from components.files import write_whole
from components.judge import judge
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import Tagger
from components.training import NOTE, fit
from components.training.interrupt import listening
from components.training.trial import as_trial

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Repeated:
    """Runs of one recipe.

    Args:
        runs: a row a run (`seed-0`, `fold-3`), a column a metric; NaN where a metric is undefined.
        split: what they were judged on.
        asked: how many runs there were to be.
        cut_short: the run whose training was stopped by hand, if one was; it is no equal of the others and counts in no mean.
    """

    runs: pd.DataFrame
    split: str
    asked: int
    cut_short: str | None = None

    @property
    def whole(self) -> pd.DataFrame:
        """The runs that came to their end."""
        return self.runs[self.runs.index != self.cut_short]

    @property
    def summary(self) -> pd.DataFrame:
        """A row a metric with `mean`, `deviation` (of the sample: n - 1) and the number of whole `runs` in which it was defined."""
        whole = self.whole
        return pd.DataFrame({"mean": whole.mean(), "deviation": whole.std(ddof=1), "runs": whole.count()})

    def write(self, folder: Path) -> None:
        """`runs.csv` and `summary.csv`."""
        table = self.runs.assign(cut_short=(self.runs.index == self.cut_short).astype(int))
        write_whole(folder / "runs.csv", table.to_csv(index_label="run").encode())
        write_whole(folder / "summary.csv", self.summary.to_csv(index_label="metric").encode())


def over_seeds(config: Config, store: Store, folder: Path, seeds: int, progress: Progress = quiet) -> Repeated:
    """Train `seeds` times, from `training.seed` on, and judge each on test, or on val where there is no test split.

    Ctrl+C once ends the training in progress, and what there is by then is the result; twice stops at once.

    Args:
        folder: gets a run folder a run, `runs.csv` and `summary.csv`.
    Raises:
        DataError: if fewer than two seeds are asked for.
        KeyboardInterrupt: at the second Ctrl+C, or at the first where nothing has been trained yet.
    """
    check_seeds(seeds)
    first = config.training.seed
    return _repeat([(f"seed-{seed}", _seeded(config, seed), store) for seed in range(first, first + seeds)], folder, progress)


def over_folds(config: Config, store: Store, folder: Path, progress: Progress = quiet) -> Repeated:
    """Train once a fold of the data's own `fold` column and judge on that fold, which nothing of the run has seen.

    Of the other folds' groups `data.val_share` becomes val. A split that the data bring is set aside. Ctrl+C as in `over_seeds`.

    Args:
        folder: gets a run folder a fold, `runs.csv` and `summary.csv`.
    Raises:
        DataError: if the data have fewer than two folds, a clip without one, or a group in two.
    """
    check_folds(store.manifest)
    folds = store.manifest.frame["fold"].astype(str).to_numpy()
    runs = [(f"fold-{fold}", config, store.resplit(_splits(config, store, folds == fold))) for fold in sorted(set(folds))]
    return _repeat(runs, folder, progress)


def check_seeds(seeds: int) -> None:
    """Refuse a number of seeds that gives no deviation.

    Raises:
        DataError: if there are fewer than two.
    """
    if seeds < 2:
        raise DataError(f"{seeds} seed gives no deviation: ask for 2 or more")


def check_folds(manifest: Manifest) -> None:
    """Refuse data that cannot be cross-validated over their `fold` column.

    Raises:
        DataError: if they have fewer than two folds, a clip without one, or a group in two.
    """
    folds = manifest.frame["fold"].astype(str).to_numpy()
    if "" in folds:
        raise DataError(f"{(folds == '').sum()} of {len(folds)} clips have no fold: fill the `fold` column of the data for each")
    if len(set(folds)) < 2:
        raise DataError("the data have one fold: give the `fold` column two or more values")
    across = manifest.frame.assign(fold=folds).groupby("group")["fold"].nunique()
    if (across > 1).any():
        raise DataError(f"group {across.idxmax()!r} is in {across.max()} folds: keep a group whole, or it is judged by what learnt from it")


def _repeat(runs: Sequence[tuple[str, Config, Store]], folder: Path, progress: Progress) -> Repeated:
    found: dict[str, dict[str, float]] = {}
    repeated: Repeated | None = None
    with listening() as interrupt:
        for number, (name, config, store) in enumerate(runs, start=1):
            log.info("%s: run %d of %d", name, number, len(runs))
            try:
                tagger = fit(as_trial(config), store, folder / name, progress)
            except KeyboardInterrupt:  # a head on a frozen backbone has no best so far
                if repeated is None:
                    raise
                break
            split = "test" if len(store.of("test")) else "val"
            found[name] = _metrics(Tagger.open(tagger, config.training.device), store.of(split), split, config, progress)
            cut_short = name if (folder / name / NOTE).exists() else None
            repeated = Repeated(pd.DataFrame.from_dict(found, orient="index"), split, len(runs), cut_short)
            repeated.write(folder)  # after each, so that what has been trained is not lost
            if interrupt.asked:
                break
    if repeated is None:
        raise ValueError("there must be a run to repeat")
    return repeated


def _metrics(tagger: Tagger, clips: Store, split: str, config: Config, progress: Progress) -> dict[str, float]:
    once = config.evaluation.model_copy(update={"bootstrap_rounds": 1, "worst_clips": 1})  # nobody looks at intervals and clips here
    judged = judge(tagger, clips, once, progress, split=split)
    return {key: value for key, value in judged.metrics.values.items() if not key.endswith("_support")}


def _seeded(config: Config, seed: int) -> Config:
    return config.model_copy(update={"training": config.training.model_copy(update={"seed": seed})})


def _splits(config: Config, store: Store, held_out: npt.NDArray[np.bool_]) -> list[str]:
    """A split for each clip."""
    rest = store.manifest.frame[~held_out]
    groups = {str(group): list(clips["labels"]) for group, clips in rest.groupby("group")}
    chosen = split_groups(groups, shares_of(config.data.val_share, 0.0), config.data.split_seed)
    return ["test" if out else chosen[str(group)] for out, group in zip(held_out, store.manifest.frame["group"], strict=True)]
