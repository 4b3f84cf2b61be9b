"""After a run, cached or not: metrics, plot files and the report of the latest training run, where DVC and people look for them."""

import logging
import shutil
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.models import PipelineRunResponse

from components.files import write_whole

log = logging.getLogger(__name__)
EXPORTED = ("metrics.json", "plots")
REPORT = "report.html"


def export_latest() -> None:
    """Put what DVC tracks and the report into the working folder, if the latest run came through."""
    if (outputs := latest_outputs()) is not None:
        export(outputs)


def export(outputs: dict[str, Any]) -> None:
    """The same of the training run that these are of; of a server that many share, the latest run may be somebody else's."""
    evaluation: Path = outputs["evaluation"].load()
    for name in EXPORTED:
        _replace(evaluation / name, Path(name))
    write_whole(Path(REPORT), outputs["judged_report"].load().encode())


def latest_outputs() -> dict[str, Any] | None:
    """Artifact name -> artifact version of the latest training run that has reached its end; None where none of the last ten has.

    Others may run at the same time, so the newest one need not be it.
    """
    runs = Client().list_pipeline_runs(pipeline="training", sort_by="desc:created", size=10)
    return next((outputs for run in runs if (outputs := outputs_of(run)) is not None), None)


def outputs_of(run: PipelineRunResponse) -> dict[str, Any] | None:
    """Artifact name -> artifact version of a training run; None where it has not reached its end."""
    steps = run.steps
    if "register" not in steps or not steps["register"].status.is_successful:
        return None
    return {name: found[-1] for step in steps.values() for name, found in step.outputs.items()}


def _replace(source: Path, target: Path) -> None:
    """The new file or folder stands in the place of the old at once; nobody sees half of it."""
    beside = target.with_name(f".{target.name}.new")
    shutil.rmtree(beside, ignore_errors=True)
    if source.is_file():
        shutil.copy(source, beside)
        beside.replace(target)
        return
    shutil.copytree(source, beside)
    shutil.rmtree(target, ignore_errors=True)
    beside.rename(target)
