"""timbre train --seeds and --folds: the recipe several times, with the mean and the deviation of what matters."""

import math
from typing import TYPE_CHECKING

from timbre.cli.console import print_table

if TYPE_CHECKING:
    from components.config import Config, Task
    from timbre.repeat import Repeated

SHOWN = {
    "multilabel": {"f1": "macro F1", "precision": "precision", "recall": "recall", "micro_f1": "micro F1", "mAP": "mAP"},
    "multiclass": {"accuracy": "accuracy", "f1": "macro F1", "mAP": "mAP"},
}


def repeat(config: "Config", seeds: int | None, folds: bool) -> None:
    """Train over seeds or over folds, outside the pipeline, and print what came of it."""
    from components.errors import ConfigError
    from components.progress import bars
    from components.training import new_run_folder
    from components.training.rehearse import rehearse
    from components.training.run_folder import write_config
    from timbre.repeat import check_folds, check_seeds, over_folds, over_seeds
    from timbre.stored import checked, stored

    if seeds is not None and folds:
        raise ConfigError("--seeds and --folds are two ways to repeat a training: give one of them")
    if config.training.ckpt:
        raise ConfigError("--ckpt goes on with one training, and --seeds and --folds begin several: leave one of them out")
    if seeds is not None:
        check_seeds(seeds)
    rehearse(config)
    manifest = checked(config, bars)
    if folds:
        check_folds(manifest)
    store = stored(manifest, config, config.audio, bars)
    folder = new_run_folder(config.name)
    write_config(config, folder)
    repeated = over_folds(config, store, folder, bars) if seeds is None else over_seeds(config, store, folder, seeds, bars)
    _print(repeated, config.task, folds)
    print(f"runs    {folder}: a folder each, runs.csv and summary.csv with every metric")
    print("gate    not asked: this compares trainings, so nothing was registered or promoted")


def _print(repeated: "Repeated", task: "Task", folds: bool) -> None:
    shown = SHOWN[task]
    where = "its own fold, which its training has not seen" if folds else repeated.split
    rows = [(f"{name} (cut short)" if name == repeated.cut_short else str(name), *(_number(run[key]) for key in shown))
            for name, run in repeated.runs.iterrows()]  # fmt: skip
    whole, summary = len(repeated.whole), repeated.summary
    if whole:
        mean = f"mean ± deviation of {whole}" if whole > 1 else "mean of 1"
        rows.append((mean, *(_spread(summary["mean"][key], summary["deviation"][key]) for key in shown)))
    missing = "" if whole == repeated.asked else f"; stopped by hand after {whole} whole of {repeated.asked}"
    columns = ["run", *shown.values()]
    print(f"{len(repeated.runs)} runs, each judged on {where}{missing}")  # a title would wrap to the table's width
    print_table(columns, rows, right=columns[1:])


def _spread(mean: float, deviation: float) -> str:
    return f"{_number(mean)} ± {deviation:.3f}" if math.isfinite(deviation) else _number(mean)


def _number(value: float) -> str:
    return f"{value:.3f}" if math.isfinite(value) else "-"
