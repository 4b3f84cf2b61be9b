"""timbre stack: where pipelines run, registered in ZenML and looked at before anything runs."""

from contextlib import nullcontext
from importlib import import_module
from pathlib import Path
from typing import Annotated, Literal

import typer

from timbre.cli.console import log_to_stderr, print_table

COLUMNS = ["", "what", "detail"]
app = typer.Typer(help="Where pipelines run: on this machine, with S3, or on Kubeflow.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A file of configs/stacks (local, local_s3, kubeflow), or its path.")]
Settings = Annotated[list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Any key: kubeflow.host=https://kfp.example.org.")]


@app.callback()
def group() -> None:
    """Where pipelines run."""


@app.command()
def register(name: Name, settings: Settings = None) -> None:
    """Put a stack into ZenML, or bring it up to date; its secrets are taken from the environment."""
    log_to_stderr()
    from components.stacks import load_stack
    from timbre.cli.zenml import prepare

    told = load_stack(name, settings or [])
    prepare()
    from pipelines.stacks import register as put

    made = put(Path(name).stem, told)
    print(f"registered {made.name}: timbre train --stack {made.name}")


@app.command()
def check(
    name: Name,
    settings: Settings = None,
    config: Annotated[Path | None, typer.Option("--config", help="Look at this configuration's data and folders too.")] = None,
) -> None:
    """Say what a stack lacks, before anything runs; exit code 1 where something is wrong.

    A registered stack is looked at as it is registered; --set, or a stack that is not registered yet, leads to its YAML.
    """
    log_to_stderr()
    from components.config import load_config
    from components.stacks import load_stack
    from components.stacks.check import Check
    from components.stacks.wants import Wants
    from timbre.cli.zenml import prepare

    wants = Wants.of(load_config(config)) if config else Wants()
    prepare()
    from pipelines.stack_check import OF_OTHERS, look
    from pipelines.stacks import known_values, of_others, registered, secret_values, told_of

    stem = Path(name).stem
    known = registered(stem)
    if known is not None and of_others(known):
        print_table(COLUMNS, [OF_OTHERS])
        return
    as_registered = known is not None and not settings
    told = told_of(known) if as_registered else load_stack(name, settings or [])
    values = known_values(stem, told) | (secret_values(stem) if as_registered else {})
    found = [*look(name, told, known is not None), *Check(told, values, wants).findings()]
    print_table(COLUMNS, found)
    if wrong := sum(one.state == "wrong" for one in found):
        print(f"{wrong} wrong")
        raise typer.Exit(1)
    print("nothing is wrong")


@app.command("compile")
def compile_(
    name: Annotated[str, typer.Argument(help="A registered stack on Kubeflow; with --to-read a file of configs/stacks.")] = "kubeflow",
    config: Annotated[Path | None, typer.Option("--config", help="A YAML file; TIMBRE_CONFIG or configs/sample.yaml where none.")] = None,
    output: Annotated[Path | None, typer.Option("--output", help="The file to write; pipelines/kubeflow/PIPELINE.yaml where none.")] = None,
    pipeline: Annotated[Literal["training", "prediction"], typer.Option("--pipeline", help="Which one.")] = "training",
    to_read: Annotated[bool, typer.Option("--to-read", help="From the YAML, with no server of ZenML and no secret.")] = False,
) -> None:
    """Write a pipeline as Kubeflow gets it, to submit it by hand or to read it."""
    log_to_stderr()
    path = output or Path(f"pipelines/kubeflow/{pipeline}.yaml")
    from components.config import default_config, load_config
    from timbre.cli.zenml import own, prepare

    told = load_config(config or default_config())
    with own() if to_read else nullcontext():
        prepare()
        from pipelines.kubeflow.compile import compile_pipeline

        _take(name, to_read)
        to_submit = compile_pipeline(getattr(import_module(f"pipelines.{pipeline}"), pipeline), path, config=told)
    print(f"wrote {path}{'' if to_submit else ': its ids are of no server, so it is to be read only'}")


def _take(name: str, to_read: bool) -> None:
    """Have this process use a registered stack, or register one from its YAML first."""
    from components.stacks import load_stack
    from pipelines.stacks import register as put
    from pipelines.stacks import use

    if to_read:
        told = load_stack(name)
        put(Path(name).stem, told, dict.fromkeys(told.secrets, "not asked"))
    use(Path(name).stem)
