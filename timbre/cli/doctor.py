"""timbre doctor: what this installation has and lacks, and what a crash left behind."""

import contextlib
import importlib.util
import os
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from timbre.cli.console import log_to_stderr, print_table

LEAST_FREE_GIB = 2.0
# extra -> the modules that prove it is there, what it is for
EXTRAS = {
    "train": (("lightning", "zenml", "dvc", "great_expectations"), "training and the pipelines"),
    "serve": (("bentoml", "gradio"), "the HTTP service"),
    "watch": (("evidently",), "drift reports"),
    "s3": (("s3fs", "boto3"), "s3:// paths"),
    "kubeflow": (("kfp", "kfp.kubernetes"), "running on Kubeflow"),
    "postgres": (("psycopg",), "a PostgreSQL registry"),
    "scale": (("distributed",), "work spread over Dask"),
    "pretrained": (("transformers",), "pretrained transformers"),
}


class Line(NamedTuple):
    """One finding: `state` is ok, missing (something optional) or wrong."""

    state: str
    what: str
    detail: str
    mend: Callable[[], object] | None = None


def doctor(mend: Annotated[bool, typer.Option("--mend", help="Repair what can be repaired without loss.")] = False) -> None:
    """Say what this installation has, what it lacks and what a crash left behind; exit code 1 where something is wrong."""
    log_to_stderr()
    lines = [line for check in (_python, _extras, _device, _audio, _places, _data, _registry, _zenml) for line in check()]
    print_table(["", "what", "detail"], [(line.state, line.what, line.detail) for line in lines])
    mendable = [line for line in lines if line.mend]
    if mend:
        for line in mendable:
            if line.mend:
                line.mend()
            print(f"mended: {line.what}: {line.detail}")
    elif mendable:
        print(f"{len(mendable)} of these can be mended: timbre doctor --mend")
    left = [line for line in lines if line.state == "wrong" and not (mend and line.mend)]
    print("all is well" if not left else f"{len(left)} wrong")
    if left:
        raise typer.Exit(1)


def _python() -> Iterator[Line]:
    version = ".".join(map(str, sys.version_info[:3]))
    fits = (3, 11) <= sys.version_info[:2] <= (3, 12)
    yield Line("ok" if fits else "wrong", "Python", version if fits else f"{version}: Timbre needs 3.11 or 3.12")


def _extras() -> Iterator[Line]:
    for extra, (modules, purpose) in EXTRAS.items():
        lacking = [module for module in modules if not _found(module)]
        advice = f"{purpose}: lacks {', '.join(lacking)}; pip install 'timbre-audio[{extra}]'"
        yield Line("missing" if lacking else "ok", f"extra {extra}", advice if lacking else purpose)


def _found(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def _device() -> Iterator[Line]:
    import torch

    name = torch.cuda.get_device_name() if torch.cuda.is_available() else f"CPU, {torch.get_num_threads()} threads"
    yield Line("ok", "device", f"{name} (torch {torch.__version__})")


def _audio() -> Iterator[Line]:
    import soundfile

    yield Line("ok", "audio", f"libsndfile {soundfile.__libsndfile_version__}: {', '.join(sorted(soundfile.available_formats()))}")


def _places() -> Iterator[Line]:
    from components.errors import S3Error
    from components.places import models_remote, models_root, store_remote, store_root
    from components.s3 import Remote

    for what, variable, folder, address in (
        ("store", "TIMBRE_STORE", store_root(), store_remote()),
        ("models", "TIMBRE_MODELS", models_root(), models_remote()),
    ):
        if address:
            try:
                Remote.of(address).check()
                yield Line("ok", f"{what} on S3", address)
            except S3Error as error:
                yield Line("wrong", f"{what} on S3", str(error))
        existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
        free_gib = shutil.disk_usage(existing).free / 2**30
        if not os.access(existing, os.W_OK):
            yield Line("wrong", what, f"{folder} cannot be written: set {variable} to a folder that can")
        elif free_gib < LEAST_FREE_GIB:
            yield Line("wrong", what, f"{folder}: only {free_gib:.1f} GiB free; make room or set {variable}")
        else:
            yield Line("ok", what, f"{folder}, {free_gib:.0f} GiB free")


def _data() -> Iterator[Line]:
    if Path("data.dvc").exists():
        there = Path("data/sample/test").is_dir()
        yield Line("ok" if there else "missing", "sample data", "data/sample" if there else "data/sample is not here: dvc pull data.dvc")


def _registry() -> Iterator[Line]:
    from components.errors import RegistryError, S3Error
    from components.registry import Registry, examine

    try:
        registry = Registry()
    except S3Error as error:
        yield Line("wrong", "registry", str(error))
        return
    if not (registry.database.is_there or registry.root.exists()):
        yield Line("ok", "registry", f"none yet at {registry.address}: the first training makes it")
        return
    findings = examine(registry)
    with contextlib.suppress(RegistryError):  # a database that is away is among the findings
        yield Line("ok", "registry", f"{registry.address}, {registry.list(include_archived=True, page_size=1).total} models")
    for finding in findings:
        yield Line("wrong", finding.where, f"{finding.what}: {finding.remedy}", finding.mend)


def _zenml() -> Iterator[Line]:
    if not _found("zenml"):
        return
    from zenml.client import Client

    from pipelines.config_files import share

    share()
    client = Client()
    root = client.root or "no repository: run `zenml init` here, or `make setup`"
    yield Line("ok", "ZenML", f"stack {client.active_stack_model.name}, {root}")
