"""timbre tune: search over the Config."""

import math
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from timbre.cli.console import log_to_stderr, print_table

if TYPE_CHECKING:
    from timbre.tune import Tuned

ROWS = 10


def tune(
    search: Annotated[
        list[str],
        typer.Option("--search", metavar="FILE|KEY=SPACE...", help="A YAML of keys and spaces, or 'training.lr={log: [1e-4, 1e-2]}'."),
    ],
    trials: Annotated[int, typer.Option("--trials", min=1, metavar="N", help="In the whole search, those of earlier runs too.")],
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file; TIMBRE_CONFIG or configs/sample.yaml where none.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any key, the same in all trials.")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="The search's folder; its own under models/ where none.")] = None,
    timeout_min: Annotated[float | None, typer.Option(min=0, metavar="M", help="Begin no trial after so many minutes.")] = None,
) -> None:
    """Train with other values of some keys, judge on val, and find the best; test is never looked at.

    The same command goes on where it stopped. Ctrl+C once ends after the trial in progress; twice stops at once.
    """
    from components.config import default_config, load_config
    from components.progress import bars
    from timbre.search_folder import place_of
    from timbre.space import read_space, space_of
    from timbre.stored import checked, stored
    from timbre.tune import tune

    log_to_stderr()
    resolved = load_config(config or default_config(), settings or [])
    raw = read_space(search)
    space_of(raw)  # before the clips are looked at
    manifest = checked(resolved, bars)
    folder = place_of(resolved, raw, manifest.digest, out)
    tuned = tune(resolved, raw, lambda audio: stored(manifest, resolved, audio, bars), folder, trials, timeout_min, bars)
    _print(tuned, trials)


def _print(tuned: "Tuned", asked: int) -> None:
    from timbre.tune import BEST, PICTURE, STATES

    table = tuned.trials
    counted = {state: count for state in STATES if (count := int((table["state"] == state).sum()))}
    told = ", ".join(f"{count} {state}" for state, count in counted.items()) or "none"
    keys = [column for column in table.columns if column not in ("trial", "state", "value", "said")]
    shown = table[table["state"].isin(("whole", "pruned"))].head(ROWS)
    rows = [(str(row["trial"]), _value(row["value"]), *(_value(row[key]) for key in keys), row["said"]) for row in shown.to_dict("records")]
    print(f"{len(table)} of {asked} trials ({told}), judged on val")  # a title would wrap to the table's width
    print_table(["trial", tuned.metric, *keys, ""], rows, right=[tuned.metric])
    for row in table[table["state"] == "refused"].head(3).to_dict("records"):
        print(f"trial {row['trial']} was refused: {row['said']}")
    print(f"search  {tuned.folder}")
    if tuned.best is None:
        print("best    none: no trial came to its end")
        return
    if (tuned.folder / PICTURE).exists():
        print(f"        {PICTURE} shows which key mattered")
    print(f"best    timbre train --config {tuned.folder / BEST}   # judges it on test; on val the best of many looks better than it is")


def _value(value: object) -> str:
    if isinstance(value, float):
        return "-" if math.isnan(value) else f"{value:.4g}"
    return "-" if value is None else str(value)
