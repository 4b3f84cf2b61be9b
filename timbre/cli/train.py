"""timbre train: the training pipeline, from the data to the registry."""

import logging
import os
from pathlib import Path
from typing import Annotated

import typer

from timbre.cli.console import log_to_stderr


def train(
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file; TIMBRE_CONFIG or configs/sample.yaml where none.")] = None,
    seed: Annotated[int | None, typer.Option(help="Same seed, same machine, same tagger.")] = None,
    name: Annotated[str | None, typer.Option(help="What the tagger is called.")] = None,
    settings: Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Override a key: training.lr=1e-4.")] = None,
) -> None:
    """Validate, featurize, train, evaluate and register; what has not changed is not done again."""
    from components.config import default_config, load_config

    log_to_stderr()
    overrides = [*(settings or [])]
    overrides += [] if seed is None else [f"training.seed={seed}"]
    overrides += [] if name is None else [f"name={name}"]
    resolved = load_config(config or default_config(), overrides)

    _prepare_zenml()
    from zenml.client import Client

    from pipelines.export import outputs_of
    from pipelines.training import training
    from timbre.cli.results import print_results

    run = training(config=resolved)
    if outputs := outputs_of(Client().get_pipeline_run(run.id)):
        print_results(outputs)


def _prepare_zenml() -> None:
    """Steps are found from the folder that holds them, wherever the command runs; an input error needs no traceback in the log."""
    import steps
    from components.errors import TimbreError

    os.environ.setdefault("ZENML_CUSTOM_SOURCE_ROOT", str(Path(steps.__file__).parents[1]))
    from zenml.logger import get_logger  # noqa: F401 - sets up ZenML's handlers

    def keep(record: logging.LogRecord) -> bool:
        error = record.exc_info[1] if record.exc_info else None
        return not isinstance(error, TimbreError)

    for handler in (*logging.getLogger().handlers, *logging.getLogger("zenml").handlers):
        handler.addFilter(keep)
