"""After a run, cached or not: its metrics, plot files and report, where DVC and people look for them."""

import shutil
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.models import PipelineRunResponse

from components.files import write_whole

EXPORTED = ("metrics.json", "plots")
REPORT = "report.html"


def export_own() -> None:
    """Put what DVC tracks and the report of the run that ends here into the working folder, if it came through."""
    runs = Client().list_pipeline_runs(orchestrator_run_id=Client().active_stack.orchestrator.get_orchestrator_run_id(), size=1)
    for run in runs:
        if (outputs := outputs_of(run)) is not None:
            export(outputs)


def export(outputs: dict[str, Any]) -> None:
    """The same of the training run that these are of."""
    evaluation: Path = outputs["evaluation"].load()
    for name in EXPORTED:
        _replace(evaluation / name, Path(name))
    write_whole(Path(REPORT), outputs["judged_report"].load().encode())


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
