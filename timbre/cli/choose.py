"""timbre choose: which of several recipes is best for these clips."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import log_to_stderr, print_table

if TYPE_CHECKING:
    from components.config import Config
    from components.store import Store


def choose(
    configs: Annotated[list[Path], typer.Argument(metavar="CONFIG CONFIG...", help="YAML files; the first one's data are used for all.")],
    folds: Annotated[int, typer.Option(min=2, help="Parts of train, each held out once.")] = 5,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any key, in each of them.")] = None,
    out_dir: Annotated[Path | None, typer.Option(help="Where the runs go; a new folder under models/ where none.")] = None,
) -> None:
    """Train each recipe on the same folds of the train split, groups kept whole, and say which is best; test is not looked at."""
    from components.config import load_config
    from components.errors import ConfigError
    from components.progress import bars
    from components.training import new_run_folder
    from components.training.rehearse import rehearse
    from timbre.choose import compare_over_folds
    from timbre.stored import checked, stored

    log_to_stderr()
    recipes = {path.stem: load_config(path, settings or []) for path in configs}
    if len(recipes) < len(configs):
        raise ConfigError("two recipes have one name: rename one of the files")
    data = next(iter(recipes.values()))
    for config in recipes.values():
        rehearse(config.model_copy(update={"data": data.data, "labels": data.labels}))
    manifest = checked(data, bars)

    def store_of(config: "Config") -> "Store":
        return stored(manifest, data, config.audio, bars)

    chosen = compare_over_folds(recipes, store_of, out_dir or new_run_folder("choose"), folds, bars)
    rows = [
        (str(name), f"{row['mean']:.3f} ± {row['deviation']:.3f}", f"{-row['behind']:+z.3f} ± {row['behind_deviation']:.3f}")
        for name, row in chosen.table.iterrows()
    ]
    print_table(["recipe", "macro F1", "against the best"], rows, right=["macro F1", "against the best"])
    doubt = "" if chosen.clear else "; its lead is within what other folds might turn round"
    print(f"best of {len(rows)} on {folds} folds: {chosen.winner}{doubt}")
