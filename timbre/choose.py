"""Which of several recipes is best, such as a frozen backbone against one trained from scratch: each on the same folds of train."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from components.config import Config
from components.datasets.splits import shares_of, split_groups
from components.errors import ConfigError, DataError
from components.files import write_whole
from components.judge import judge
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import Tagger
from components.training import fit
from components.training.trial import as_trial

METRIC = "f1"


@dataclass(frozen=True)
class Chosen:
    """What `compare_over_folds` found.

    Args:
        scores: macro F1 on the clips held out, a row a fold, a column a recipe.
    """

    scores: pd.DataFrame

    @property
    def winner(self) -> str:
        """The recipe with the highest mean; of equal ones the first."""
        return str(self.scores.mean().idxmax())

    @property
    def table(self) -> pd.DataFrame:
        """A row a recipe, the best first: `mean` and `deviation` over folds, and `behind` and `behind_deviation` of the winner's lead.

        The lead is taken fold by fold, so what makes a fold hard for all is not in it. Deviations are of the sample (n - 1).
        """
        lead = self.scores[[self.winner]].to_numpy() - self.scores
        made = {
            "mean": self.scores.mean(),
            "deviation": self.scores.std(ddof=1),
            "behind": lead.mean(),
            "behind_deviation": lead.std(ddof=1),
        }
        return pd.DataFrame(made).sort_values("mean", ascending=False, kind="stable")

    @property
    def clear(self) -> bool:
        """Whether the lead over the second is more than twice its standard error; folds share clips, so that is a rule of thumb."""
        second = self.table.iloc[1]
        return bool(second["behind"] > 2 * second["behind_deviation"] / len(self.scores) ** 0.5)

    def write(self, folder: Path) -> None:
        """`folds.csv` and `choice.csv`."""
        write_whole(folder / "folds.csv", self.scores.to_csv(index_label="fold").encode())
        write_whole(folder / "choice.csv", self.table.to_csv(index_label="recipe").encode())


def compare_over_folds(
    recipes: Mapping[str, Config], store_of: Callable[[Config], Store], folder: Path, folds: int = 5, progress: Progress = quiet
) -> Chosen:
    """Train each recipe without each fold, and judge it on that fold. The test split is set aside, as it is for the winner's own test.

    Folds hold whole groups, have about the same share of each label, and are the same for all. Of the other folds each recipe sets its
    own `data.val_share` aside to choose weights and thresholds on.

    Args:
        recipes: by name, two or more.
        store_of: the clips at a recipe's sample rate; the same for all.
        folder: gets a run folder a recipe and fold, `folds.csv` and `choice.csv`.
        folds: how many.
    Raises:
        ConfigError: if there are fewer than two recipes or folds.
        DataError: if there are fewer groups than folds, or the recipes' clips differ.
    """
    if len(recipes) < 2 or folds < 2:
        raise ConfigError(f"{len(recipes)} recipes on {folds} folds leave nothing to choose: give two or more of each")
    stores = {name: _train_of(store_of(config)) for name, config in recipes.items()}
    first = next(iter(stores.values()))
    for name, store in stores.items():
        if set(store.manifest.frame["clip_id"]) != set(first.manifest.frame["clip_id"]):
            raise DataError(f"{name} has other clips than {next(iter(stores))}: recipes are chosen between on the same ones")
    fold_of = folds_of_groups(first, folds, next(iter(recipes.values())).data.split_seed)
    scores = pd.DataFrame(index=pd.Index(sorted(set(fold_of.values()))), columns=list(recipes), dtype=float)
    for fold in scores.index:
        for name, config in recipes.items():
            scores.loc[fold, name] = _score(config, stores[name], fold_of, str(fold), folder / name / str(fold), progress)
    chosen = Chosen(scores)
    chosen.write(folder)
    return chosen


def folds_of_groups(store: Store, folds: int, seed: int) -> dict[str, str]:
    """Each group's fold.

    Raises:
        DataError: if there are fewer groups than folds.
    """
    groups = {str(group): list(clips["labels"]) for group, clips in store.manifest.frame.groupby("group")}
    if len(groups) < folds:
        raise DataError(f"{len(groups)} groups of clips cannot fill {folds} folds: ask for fewer --folds, or name more groups")
    names = ["train", *(f"fold-{number}" for number in range(2, folds + 1))]  # the splitter fills one of them first, by this name
    chosen = split_groups(groups, dict.fromkeys(names, 1 / folds), seed)
    return {group: "fold-1" if fold == "train" else fold for group, fold in chosen.items()}


def _train_of(store: Store) -> Store:
    return store.take(np.flatnonzero((store.manifest.frame["split"] != "test").to_numpy()))


def _score(config: Config, store: Store, fold_of: Mapping[str, str], fold: str, run_folder: Path, progress: Progress) -> float:
    frame = store.manifest.frame
    groups = {str(group): list(clips["labels"]) for group, clips in frame.groupby("group") if fold_of[str(group)] != fold}
    split = split_groups(groups, shares_of(config.data.val_share, 0.0), config.data.split_seed)
    parted = store.resplit([split.get(str(group), "test") for group in frame["group"]])
    tagger = Tagger.open(fit(as_trial(config), parted, run_folder, progress))
    once = config.evaluation.model_copy(update={"bootstrap_rounds": 1})
    return float(judge(tagger, parted.of("test"), once, progress).metrics.values[METRIC])
