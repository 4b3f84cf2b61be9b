"""After a run, cached or not: its metrics, plot files and report, where DVC and people look for them."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

from zenml.client import Client
from zenml.models import PipelineRunResponse

from components.errors import DataError
from components.files import write_whole

METRICS, PLOTS, REPORT = "metrics.json", "plots", "report.html"


def export_own() -> None:
    """Put what DVC tracks and the report of the run that ends here into the working folder, if it came through."""
    runs = Client().list_pipeline_runs(orchestrator_run_id=Client().active_stack.orchestrator.get_orchestrator_run_id(), size=1)
    for run in runs:
        if (outputs := outputs_of(run)) is not None:
            export(outputs)


def export(outputs: dict[str, Any]) -> None:
    """The same of the training run that these are of.

    Raises:
        DataError: if the working folder does not take them.
    """
    evaluation, report = outputs["evaluation"].load(), outputs["judged_report"].load()
    try:
        write_whole(Path(METRICS), (evaluation / METRICS).read_bytes())
        _replace(evaluation / PLOTS, Path(PLOTS))
        write_whole(Path(REPORT), report.encode())
    except OSError as error:
        why = error.args[0][0][-1] if isinstance(error, shutil.Error) else f"{error.strerror}: {error.filename2 or error.filename}"
        raise DataError(
            f"the tagger is made and registered, but {Path.cwd()} does not take {METRICS}, {PLOTS} and {REPORT} of its run ({why}): "
            "see to that, and the same command puts them there"
        ) from error


def outputs_of(run: PipelineRunResponse) -> dict[str, Any] | None:
    """Artifact name -> artifact version of a training run; None where it has not reached its end."""
    steps = run.steps
    if "register" not in steps or not steps["register"].status.is_successful:
        return None
    return {name: found[-1] for step in steps.values() for name, found in step.outputs.items()}


def _replace(source: Path, target: Path) -> None:
    """The new folder stands in the place of the old, whole."""
    with tempfile.TemporaryDirectory(prefix=f".{target.name}-", dir=target.parent) as beside:
        new = shutil.copytree(source, Path(beside) / "new")
        if target.is_dir():
            target.rename(Path(beside) / "old")
        new.rename(target)
