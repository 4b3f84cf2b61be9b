"""Gather the clips, check them, and let the run go on only where the gate allows it."""

from typing import Annotated

from zenml import ArtifactConfig, step
from zenml.types import HTMLString

from components.config import AudioConfig, DataConfig, Task
from components.datasets import build_manifest
from components.places import checks_root, store_remote, store_root
from components.progress import bars
from components.validation import validate as check
from steps.refs import ManifestRef

# Never cached: only a fresh look at the files tells whether a clip changed, came or went.


@step(enable_cache=False)
def validate(
    labels: str | list[str], data: DataConfig, audio: AudioConfig, task: Task = "multilabel"
) -> tuple[Annotated[ManifestRef, "manifest"], Annotated[HTMLString, ArtifactConfig(name="data_report")]]:
    """A manifest that passed the gate, and the report on all clips.

    Raises:
        DataError: if the gate says no; the report is then kept in the store and named, in a bucket by the manifest's digest.
    """
    gathered = build_manifest(data, labels if isinstance(labels, str) else tuple(labels), audio, progress=bars, task=task)
    verdict = check(gathered, data, checks_root())
    shared = store_remote()
    verdict.require(f"{shared}/data_reports/{gathered.manifest.digest}.html" if shared else store_root() / "data_report.html")
    return ManifestRef.keep(gathered.manifest), HTMLString(verdict.html)
