"""What the flags of `timbre train` mean: each is an override of the key of Config that stands beside it, and nothing else."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from components.errors import ConfigError
from components.menus import canonical

KEYS = {
    "name": "name",
    "labels": "labels",
    "task": "task",
    "model": "model.name",
    "head": "model.head",
    "pretrained": "model.pretrained",
    "frozen": "model.frozen",
    "audio_transform": "feature.name",
    "loss_function": "training.loss",
    "optimizer": "training.optimizer",
    "scheduler": "training.scheduler",
    "metric": "training.metric",
    "metric_mode": "training.metric_mode",
    "patience": "training.patience",
    "finetune_head": "training.finetune_head",
    "finetune_head_epochs": "training.finetune_head_epochs",
    "head_after": "training.head_after",
    "backbone_after": "training.backbone_after",
    "lr_warmup": "training.lr_warmup",
    "lr": "training.lr",
    "lr_onecycle_max": "training.lr_onecycle_max",
    "epochs": "training.epochs",
    "batch_size": "training.batch_size",
    "num_workers": "data.num_workers",
    "device": "training.device",
    "devices": "training.devices",
    "precision": "training.precision",
    "seed": "training.seed",
    "quick": "training.quick",
    "ckpt": "training.ckpt",
}
CHOICES = ("metric", "metric_mode")  # these stand in Config in capitals
TWO_PHASES = ("finetune_head_epochs", "head_after", "backbone_after")
DATA = ("train_paths", "val_paths", "test_paths")


def overrides_of(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Flags that were given (None: was not) -> values by dotted key.

    A flag about the head's own phase asks for that phase. `epochs` takes `training.max_steps` away, which might end training before.
    Paths for train or val replace all data of the configuration, and no test split is then made of train: without `test_paths` the
    tagger is judged on val.

    Raises:
        ConfigError: if val is given without train.
        KeyError: if a flag is unknown.
    """
    given = {flag: value for flag, value in flags.items() if value is not None}
    paths = {flag: given.pop(flag, None) for flag in DATA}
    augmentations = given.pop("augmentations", None)
    made = {KEYS[flag]: canonical(value) if flag in CHOICES else value for flag, value in given.items()}
    if "finetune_head" not in given and any(flag in given for flag in TWO_PHASES):
        made[KEYS["finetune_head"]] = True
    if "epochs" in given:
        made["training.max_steps"] = None
    if augmentations is not None:
        made["training.augmentations"] = [{"name": canonical(name)} for name in augmentations if canonical(name) != "NONE"]
    return made | _data(paths)


def as_texts(overrides: Mapping[str, Any]) -> list[str]:
    """The same as `key=value`, the way that `--set` has them; JSON is YAML.

    Raises:
        ConfigError: if a value is nested too deep to be written.
    """
    try:
        return [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in overrides.items()]
    except RecursionError:
        raise ConfigError("an override has too many levels: write fewer") from None


def _data(paths: Mapping[str, Sequence[str] | None]) -> dict[str, Any]:
    train, val, test = (paths[flag] for flag in DATA)
    if train is None and val is None:
        return {} if test is None else {"data.test": list(test)}
    if train is None:
        raise ConfigError("--val-paths drops the data of the configuration, and nothing is left to train on: add --train-paths TYPE:PATH")
    made: dict[str, Any] = {"data.train": list(train), "data.val": list(val or ()), "data.test": list(test or ()), "data.reviewed": []}
    return made if test else {**made, "data.test_share": 0.0}
