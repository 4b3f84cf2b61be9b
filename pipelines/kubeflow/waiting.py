"""A submitted run, until it ends: Kubeflow says how the pods fare, ZenML how the steps do."""

import logging
import time
from uuid import UUID

from kfp.client import Client as KfpClient
from kfp_server_api.exceptions import ApiException
from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
from zenml.orchestrators.publish_utils import publish_failed_pipeline_run

from components.errors import StackError
from components.stacks import StackConfig

log = logging.getLogger(__name__)
EVERY_S, AWAY_S = 5.0, 900.0
SERVER_ERROR = 500
GOOD, BAD = ("SUCCEEDED", "SKIPPED"), ("FAILED", "CANCELED", "ERROR")


def wait(client: KfpClient, run_id: str, snapshot: PipelineSnapshotResponse, stack: StackConfig) -> None:
    """Until the run has succeeded.

    Raises:
        StackError: if it fails, a step's pod does not start in time, or the run takes too long; the run is then ended.
    """
    kubeflow = stack.cluster
    watched, began = Progress(snapshot), time.monotonic()
    while True:
        state = _state(client, run_id)
        if state in GOOD:
            return
        if state in BAD:
            told = watched.failed()
            watched.publish()
            raise StackError(f"the run {run_id} has {state.lower()}{told}: its logs are at {page(client, run_id)}")
        waiting = watched.idle()
        if waiting and waiting[1] > kubeflow.start_timeout_s:
            watched.end(client, run_id)
            raise StackError(late(waiting[0], kubeflow.start_timeout_s, stack))
        if time.monotonic() - began > kubeflow.timeout_s:
            watched.end(client, run_id)
            raise StackError(f"the run {run_id} was ended after kubeflow.timeout_s, {kubeflow.timeout_s} s: raise it, or train less")
        time.sleep(EVERY_S)


def _state(client: KfpClient, run_id: str) -> str:
    """How Kubeflow says that the run is; where its API is away for a while, the run goes on without it."""
    last = time.monotonic() + AWAY_S
    while True:
        try:
            return str(client.get_run(run_id).state or "").upper()
        except (HTTPError, ApiException) as error:
            if isinstance(error, ApiException) and error.status < SERVER_ERROR:
                raise StackError(
                    f"Kubeflow does not tell how the run {run_id} is ({error.status} {error.reason}): it may still go on"
                ) from error
            if time.monotonic() > last:
                raise StackError(f"Kubeflow gives no answer for {AWAY_S:g} s, while the run {run_id} may go on") from error
        log.info("Kubeflow gives no answer for now")
        time.sleep(EVERY_S)


def late(step: str, after_s: int, stack: StackConfig) -> str:
    """The sentence about a pod that does not start: what it asks for, and how to look."""
    pod = stack.pod(step)
    asked = [f"{pod.cpus:g} CPUs", f"{pod.memory_gib:g} GiB of memory", *([f"{pod.gpus} {pod.gpu_resource}"] if pod.gpus else [])]
    nodes = "".join(f" {name}={value}" for name, value in pod.node_selector.items())
    space = stack.cluster.user_namespace or stack.cluster.namespace
    return (
        f"the pod of {step} did not start within {after_s} s, so the run was ended: either no node has {', '.join(asked)}"
        f"{f' and the labels{nodes}' if nodes else ''}, or {pod.image} cannot be pulled; look with "
        f"`kubectl --namespace {space} get events --field-selector type=Warning`"
    )


class Progress:
    """How far the run's steps are, and since when nothing has moved."""

    def __init__(self, snapshot: PipelineSnapshotResponse) -> None:
        self._snapshot, self._done, self._moved = snapshot, -1, time.monotonic()
        self._seen: dict[str, tuple[UUID, ExecutionStatus]] = {}

    def idle(self) -> tuple[str, float] | None:
        """The first step that could have begun, or begun anew, and has not, and for how long in seconds; None while one is at work.

        Of a pod that was killed ZenML does not hear: its step is at work until another pod takes its place.
        """
        run = self._run()
        began = dict(run.steps) if run else {}
        ended = [name for name, step in began.items() if step.status.is_finished]
        failed = [name for name, step in began.items() if step.status == ExecutionStatus.RETRYING]
        at_work = len(ended) + len(failed) < len(began)
        if len(ended) != self._done:
            log.info("%d of %d steps are done", len(ended), len(self._snapshot.step_configurations))
            self._done = len(ended)
        seen = {name: (step.id, step.status) for name, step in began.items()}
        if at_work or seen != self._seen:
            self._seen, self._moved = seen, time.monotonic()
        if at_work:
            return None
        ready = failed or [
            name
            for name, step in self._snapshot.step_configurations.items()
            if name not in began and set(step.spec.upstream_steps) <= set(ended)
        ]
        return (ready[0], time.monotonic() - self._moved) if ready else None

    def failed(self) -> str:
        """` in NAME: its error`, where a step of the run has failed; one that never got the pod it was to begin anew in has, too."""
        run = self._run()
        for name, step in (run.steps if run else {}).items():
            if step.status.is_failed or step.status == ExecutionStatus.RETRYING:
                told = step.exception_info.traceback.strip().splitlines()[-1] if step.exception_info else ""
                return f" in {name}{f': {told}' if told else ''}"
        return ""

    def end(self, client: KfpClient, run_id: str) -> None:
        """End the run on Kubeflow, and have ZenML know that it failed."""
        client.terminate_run(run_id)
        self.publish()

    def publish(self) -> None:
        """Have ZenML know that the run failed: while a step may begin anew, it takes it to go on."""
        if (run := self._run()) is not None:
            publish_failed_pipeline_run(run.id)

    def _run(self) -> PipelineRunResponse | None:
        runs = Client().list_pipeline_runs(snapshot_id=self._snapshot.id, sort_by="desc:created", size=1)
        return Client().get_pipeline_run(runs[0].id) if runs.items else None


def page(client: KfpClient, run_id: str) -> str:
    """The address of a run, for people."""
    host = client._existing_config.host  # type: ignore[has-type]  # kfp tells it nowhere else
    return f"{host}/#/runs/details/{run_id}"
