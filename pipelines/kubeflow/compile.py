"""A pipeline as Kubeflow gets it, in a file: for people to read, or to submit by hand."""

from pathlib import Path
from typing import Any

import yaml
from zenml.client import Client
from zenml.pipelines.pipeline_definition import Pipeline

from components.errors import StackError
from components.files import write_whole
from pipelines.kubeflow.orchestrator import Orchestrator
from pipelines.stacks import on_active_stack

TO_READ = "# The {name} pipeline on Kubeflow as configs/stacks/{stack}.yaml tells, to be read: its ids are of no server.\n"
TO_SUBMIT = "# The {name} pipeline on the stack {stack}: kfp run create --experiment-name {name} --package-file FILE\n"
NO_ID = "00000000-0000-0000-0000-000000000000"


def compile_pipeline(pipeline: Pipeline, path: Path, **arguments: Any) -> bool:
    """Compile a pipeline on the active stack; whether it can be submitted by hand.

    Without a server of ZenML, ids and names that differ from one compilation to the next are left out.

    Raises:
        StackError: if the active stack is not on Kubeflow.
    """
    client, stack = Client(), Client().active_stack
    orchestrator = stack.orchestrator
    if not isinstance(orchestrator, Orchestrator):
        raise StackError(f"the stack {stack.name} runs nothing on Kubeflow: name one that does")
    prepared = on_active_stack(pipeline)
    prepared.prepare(**arguments)
    snapshot = prepared.create_snapshot(name=f"{pipeline.name}-{stack.name}", replace=True)
    draft = path.with_suffix(".draft")
    path.parent.mkdir(parents=True, exist_ok=True)
    orchestrator.write_to = draft
    try:
        orchestrator.run(snapshot, stack)
        text = draft.read_text(encoding="utf-8")
    finally:
        orchestrator.write_to = None
        draft.unlink(missing_ok=True)
    remote = not client.zen_store.is_local_store()
    if not remote:
        text = _to_read(text, {str(snapshot.id), str(stack.id), str(client.active_project.id)})
    about = (TO_SUBMIT if remote else TO_READ).format(name=pipeline.name, stack=stack.name)
    write_whole(path, (about + text).encode())
    return remote


def _to_read(text: str, ids: set[str]) -> str:
    """The same text whenever the pipeline is the same."""
    for one in ids:
        text = text.replace(one, NO_ID)
    spec, *platform = yaml.safe_load_all(text)
    name = spec["pipelineInfo"]["name"]
    spec["pipelineInfo"] = {"name": name.rpartition("-")[0] or name}
    return yaml.safe_dump_all([spec, *platform], sort_keys=True)
