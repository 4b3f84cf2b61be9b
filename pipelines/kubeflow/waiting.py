"""A submitted run, until it ends: Kubeflow says how the pods fare, ZenML how the steps do."""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from uuid import UUID

from kfp.client import Client as KfpClient
from kfp_server_api.exceptions import ApiException
from requests import RequestException
from urllib3.exceptions import HTTPError
from zenml.client import Client
from zenml.enums import ExecutionStatus
from zenml.exceptions import ZenMLBaseException
from zenml.models import PipelineRunResponse, PipelineSnapshotResponse
from zenml.orchestrators.publish_utils import publish_failed_pipeline_run

from components.errors import StackError
from components.stacks import StackConfig
from pipelines.kubeflow.dressing import backoff_s

Answer = TypeVar("Answer")
log = logging.getLogger(__name__)
EVERY_S, AWAY_S = 5.0, 900.0
SERVER_ERROR = 500
NO_ANSWER = (HTTPError, ApiException, RequestException, RuntimeError)  # the last is what ZenML makes of an answer of 500
GOOD, BAD = ("SUCCEEDED", "SKIPPED"), ("FAILED", "CANCELED", "ERROR")


def wait(client: KfpClient, run_id: str, snapshot: PipelineSnapshotResponse, stack: StackConfig) -> None:
    """Until the run has succeeded.

    Raises:
        StackError: if it fails, a step's pod does not start in time, or the run takes too long; the run is then ended.
    """
    kubeflow = stack.cluster
    watched, began = Progress(snapshot, run_id), time.monotonic()
    while True:
        state = _answer(lambda: str(client.get_run(run_id).state or "").upper(), "Kubeflow", run_id)
        if state in GOOD:
            return
        if state in BAD:
            raise StackError(f"the run {run_id} has {state.lower()}{watched.failed()}: its logs are at {page(client, run_id)}")
        waiting = watched.idle()
        if waiting and waiting.for_s > kubeflow.start_timeout_s + waiting.backoff_s:
            raise StackError(late(waiting, stack, watched.end(client)))
        if time.monotonic() - began > kubeflow.timeout_s:
            raise StackError(f"kubeflow.timeout_s, {kubeflow.timeout_s} s, is over, {watched.end(client)}: raise it, or train less")
        time.sleep(EVERY_S)


def _answer(question: Callable[[], Answer], who: str, run_id: str) -> Answer:
    """What Kubeflow or ZenML says; where it is away for a while, the run goes on without it.

    Raises:
        StackError: if it stays away, or refuses.
    """
    last = time.monotonic() + AWAY_S
    while True:
        try:
            return question()
        except (*NO_ANSWER, ZenMLBaseException) as error:
            if reason := _refusal(error):
                raise StackError(f"{who} does not tell how the run {run_id} is ({reason}): it may still go on") from error
            if time.monotonic() > last:
                raise StackError(f"{who} gives no answer for {AWAY_S:g} s, while the run {run_id} may go on") from error
        log.info("%s gives no answer for now", who)
        time.sleep(EVERY_S)


def _refusal(error: Exception) -> str | None:
    """Why one that answers says nothing; None where it gives no answer."""
    if isinstance(error, ApiException):
        return f"{error.status} {error.reason}" if error.status < SERVER_ERROR else None
    return None if isinstance(error, NO_ANSWER) else " ".join(str(error).split()) or type(error).__name__


@dataclass(frozen=True)
class Waiting:
    """A step that could have begun, or begun anew, and has not.

    Attributes:
        backoff_s: of `for_s`, what Kubeflow itself lets pass before it asks for the pod that is to begin the step anew.
    """

    step: str
    for_s: float
    backoff_s: float = 0.0


def late(waiting: Waiting, stack: StackConfig, ended: str) -> str:
    """The sentence about a pod that does not start: what it asks for, and how to look.

    Args:
        ended: what became of the run.
    """
    pod = stack.pod(waiting.step)
    asked = [f"{pod.cpus:g} CPUs", f"{pod.memory_gib:g} GiB of memory", *([f"{pod.gpus} {pod.gpu_resource}"] if pod.gpus else [])]
    nodes = "".join(f" {name}={value}" for name, value in pod.node_selector.items())
    space = stack.cluster.user_namespace or stack.cluster.namespace
    within = f"{stack.cluster.start_timeout_s} s{f' after a pause of {waiting.backoff_s:g} s' if waiting.backoff_s else ''}"
    return (
        f"the pod of {waiting.step} did not start within {within}, {ended}: either no node has {', '.join(asked)}"
        f"{f' and the labels{nodes}' if nodes else ''}, or {pod.image} cannot be pulled; look with "
        f"`kubectl --namespace {space} get events --field-selector type=Warning`"
    )


class Progress:
    """How far the run's steps are, and since when nothing has moved."""

    def __init__(self, snapshot: PipelineSnapshotResponse, run_id: str) -> None:
        self._snapshot, self._run_id = snapshot, run_id
        self._done, self._moved = -1, time.monotonic()
        self._seen: dict[str, tuple[UUID, ExecutionStatus]] = {}

    def idle(self) -> Waiting | None:
        """The first step that could have begun, or begun anew, and has not; None while one is at work.

        Of a pod that was killed ZenML does not hear: its step is at work until another pod takes its place.
        """
        asked = time.monotonic()
        run = _answer(self._run, "ZenML", self._run_id)
        self._moved += time.monotonic() - asked  # while ZenML is away no step can say that it has begun
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
        if not ready:
            return None
        pause_s = backoff_s(began[failed[0]].version) if failed else 0.0  # ZenML's version of a step is the number of its attempts
        return Waiting(ready[0], time.monotonic() - self._moved, pause_s)

    def failed(self) -> str:
        """` in NAME: its error`, where a step of the run has failed; one that never got the pod it was to begin anew in has, too.

        ZenML then knows that the run has: while a step may begin anew, it takes it to go on.
        """
        run = self._publish()
        for name, step in (run.steps if run else {}).items():
            if step.status.is_failed or step.status == ExecutionStatus.RETRYING:
                told = step.exception_info.traceback.strip().splitlines()[-1] if step.exception_info else ""
                return f" in {name}{f': {told}' if told else ''}"
        return ""

    def end(self, client: KfpClient) -> str:
        """End the run on Kubeflow, and have ZenML know that it failed; the part of a sentence that says so, or that it was not ended."""
        try:
            client.terminate_run(self._run_id)
            ended = f"so the run {self._run_id} was ended"
        except (HTTPError, ApiException) as error:
            reason = f"{error.status} {error.reason}" if isinstance(error, ApiException) else type(error).__name__
            ended = f"and Kubeflow did not end the run ({reason}), so end it at {page(client, self._run_id)}"
        self._publish()
        return ended

    def _publish(self) -> PipelineRunResponse | None:
        """Have ZenML know that the run failed; the run as it was before, None where there is none or ZenML stays away."""
        try:
            run = _answer(self._run, "ZenML", self._run_id)
            if run is not None:
                _answer(partial(publish_failed_pipeline_run, run.id), "ZenML", self._run_id)
        except StackError as error:
            log.warning("ZenML was not told that the run failed: %s", error)
            return None
        return run

    def _run(self) -> PipelineRunResponse | None:
        runs = Client().list_pipeline_runs(snapshot_id=self._snapshot.id, sort_by="desc:created", size=1)
        return Client().get_pipeline_run(runs[0].id) if runs.items else None


def page(client: KfpClient, run_id: str) -> str:
    """The address of a run, for people."""
    host = client._existing_config.host  # type: ignore[has-type]  # kfp tells it nowhere else
    return f"{host}/#/runs/details/{run_id}"
