"""What is said of a submitted run that fails, does not start, takes too long or is not ended; and while Kubeflow's API or ZenML is away."""

import logging
import sys
import threading
from collections.abc import Callable, Iterator
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace

import pytest
import requests
from kfp.client import Client as KfpClient
from urllib3.exceptions import MaxRetryError
from zenml.enums import ExecutionStatus
from zenml.exceptions import CredentialsNotValid

from components.errors import StackError
from components.stacks import load_stack
from pipelines.kubeflow import dressing, waiting
from tests.fixtures.kubeflow import Kubeflow, kubeflow

ROOT = Path(__file__).parents[2]
UPSTREAM = {"validate": [], "featurize": ["validate"], "train": ["featurize"]}
SNAPSHOT = SimpleNamespace(
    id="a", step_configurations={name: SimpleNamespace(spec=SimpleNamespace(upstream_steps=before)) for name, before in UPSTREAM.items()}
)
RUN = "run-1"
pytestmark = pytest.mark.filterwarnings("ignore:This client only works with:FutureWarning")  # kfp says so to all


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Kubeflow]:
    monkeypatch.setattr(waiting, "EVERY_S", 0.01)
    monkeypatch.setattr(KfpClient, "_LOCAL_KFP_CONTEXT", str(tmp_path / "context.json"))
    with kubeflow() as found:
        found.runs[RUN] = {"state": "RUNNING"}
        yield found


@pytest.fixture
def failed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The runs that ZenML was told have failed."""
    found: list[str] = []
    monkeypatch.setattr(waiting, "publish_failed_pipeline_run", found.append)
    return found


def steps(monkeypatch: pytest.MonkeyPatch, **states: ExecutionStatus) -> None:
    """What ZenML says of the run's steps."""
    told = {
        name: SimpleNamespace(id=name, version=1, status=state, exception_info=SimpleNamespace(traceback="…\nDataError: no clips"))
        for name, state in states.items()
    }
    monkeypatch.setattr(waiting.Progress, "_run", lambda _: SimpleNamespace(id="b", steps=told))


def wait(server: Kubeflow, **cluster: object) -> None:
    stack = load_stack(str(ROOT / "configs/stacks/kubeflow.yaml"), [f"kubeflow.{key}={value}" for key, value in cluster.items()])
    waiting.wait(KfpClient(host=server.url, namespace="kubeflow"), RUN, SNAPSHOT, stack)


def zenml_is_away(monkeypatch: pytest.MonkeyPatch, error: Exception, questions: int = sys.maxsize) -> list[Exception]:
    """The errors by which ZenML has not answered questions about the run, as many as it leaves so."""
    answer, given = waiting.Progress._run, list[Exception]()

    def ask(progress: waiting.Progress) -> object:
        if len(given) < questions:
            given.append(error)
            raise error
        return answer(progress)

    monkeypatch.setattr(waiting.Progress, "_run", ask)
    return given


def refuses(status: HTTPStatus) -> Callable[[Kubeflow, pytest.MonkeyPatch], None]:
    return lambda server, _: setattr(server, "refuse", int(status))


def gives_no_answer(_: Kubeflow, monkeypatch: pytest.MonkeyPatch) -> None:
    def ask(*_: object, **__: object) -> None:
        raise MaxRetryError(None, "/runs/a:terminate")  # type: ignore[arg-type] # there is no pool here

    monkeypatch.setattr(KfpClient, "terminate_run", ask)


def test_it_waits_until_the_run_has_succeeded(server: Kubeflow, monkeypatch: pytest.MonkeyPatch):
    steps(monkeypatch, validate=ExecutionStatus.RUNNING)
    timer = threading.Timer(0.2, server.runs[RUN].update, [{"state": "SUCCEEDED"}])
    timer.start()
    wait(server)
    assert server.runs[RUN]["state"] == "SUCCEEDED"
    timer.join()


@pytest.mark.parametrize("state", [ExecutionStatus.FAILED, ExecutionStatus.RETRYING])  # the second where no pod came to begin it anew in
def test_a_failed_run_names_its_step_and_the_error_and_zenml_is_told(
    server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str], state: ExecutionStatus
):
    steps(monkeypatch, validate=ExecutionStatus.COMPLETED, featurize=state)
    server.runs[RUN]["state"] = "FAILED"
    with pytest.raises(StackError, match=rf"the run {RUN} has failed in featurize: DataError: no clips: its logs are at {server.url}"):
        wait(server)
    assert failed == ["b"]


def test_a_pod_that_does_not_start_says_what_it_asks_for_and_ends_the_run(
    server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str]
):
    steps(monkeypatch, validate=ExecutionStatus.COMPLETED, featurize=ExecutionStatus.CACHED)
    with pytest.raises(StackError) as late:
        wait(server, start_timeout_s=1)
    said = str(late.value)
    assert "the pod of train did not start within 1 s" in said
    assert "no node has 8 CPUs, 32 GiB of memory, 1 nvidia.com/gpu and the labels nvidia.com/gpu.present=true" in said
    assert "registry.example.org/timbre-worker:cuda cannot be pulled" in said
    assert "kubectl --namespace timbre get events" in said
    assert server.runs[RUN]["state"] == "CANCELED"
    assert failed == ["b"]


def test_a_pod_that_is_to_begin_a_step_anew_may_be_late_too(server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str]):
    steps(monkeypatch, validate=ExecutionStatus.COMPLETED, featurize=ExecutionStatus.RETRYING)
    monkeypatch.setattr(dressing, "BACKOFF_S", 1)
    with pytest.raises(StackError, match="the pod of featurize did not start within 1 s after a pause of 1 s, so the run"):
        wait(server, start_timeout_s=1, timeout_s=20)
    assert failed == ["b"]


def test_each_time_that_a_step_begins_anew_the_wait_for_its_pod_does_and_its_pause_is_twice_as_long(monkeypatch: pytest.MonkeyPatch):
    watched = waiting.Progress(SNAPSHOT, RUN)
    waits = []
    for attempt, now_s in [(1, 100.0), (1, 130.0), (2, 160.0), (2, 170.0)]:
        step = SimpleNamespace(id=f"try {attempt}", version=attempt, status=ExecutionStatus.RETRYING)
        monkeypatch.setattr(watched, "_run", lambda step=step: SimpleNamespace(steps={"validate": step}))
        monkeypatch.setattr(waiting.time, "monotonic", lambda now_s=now_s: now_s)
        waits.append(watched.idle())
    told = [(0, 30), (30, 30), (0, 60), (10, 60)]
    assert waits == [waiting.Waiting("validate", for_s=waited_s, backoff_s=pause_s) for waited_s, pause_s in told]


@pytest.mark.parametrize(("pod_comes_s", "ends"), [(80, "SUCCEEDED"), (10_000, "CANCELED")])
def test_the_pauses_between_attempts_are_no_time_that_a_pod_takes_to_start(
    server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str], pod_comes_s: int, ends: str
):
    """Eight attempts of an hour each, with pauses of 30 s to more than an hour before the next; then one whose pod is slow to start."""
    now_s, began_s, attempts = [0.0], 0.0, list[tuple[float, float, int]]()
    for attempt in range(1, 9):
        attempts.append((began_s, began_s + 3600, attempt))
        began_s += 3600 + 30 * 2 ** (attempt - 1) + (pod_comes_s if attempt == 8 else 200)

    def zenml(_: waiting.Progress) -> object:
        if now_s[0] >= began_s:
            server.runs[RUN]["state"] = "SUCCEEDED"
        _, ended_s, attempt = next(one for one in reversed(attempts) if one[0] <= now_s[0])
        state = ExecutionStatus.RUNNING if now_s[0] < ended_s else ExecutionStatus.RETRYING
        return SimpleNamespace(id="b", steps={"validate": SimpleNamespace(id=f"try {attempt}", version=attempt, status=state)})

    monkeypatch.setattr(waiting.Progress, "_run", zenml)
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda _: now_s.__setitem__(0, now_s[0] + 60))
    if ends == "SUCCEEDED":
        wait(server, start_timeout_s=300)
    else:
        with pytest.raises(StackError, match="the pod of validate did not start within 300 s after a pause of 3840 s, so the run"):
            wait(server, start_timeout_s=300)
        assert now_s[0] == pytest.approx(attempts[-1][1] + 3840 + 300, abs=120)
    assert server.runs[RUN]["state"] == ends


def test_a_step_at_work_is_not_late(server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str]):
    steps(monkeypatch, validate=ExecutionStatus.COMPLETED, featurize=ExecutionStatus.RUNNING)
    with pytest.raises(StackError, match=rf"kubeflow\.timeout_s, 2 s, is over, so the run {RUN} was ended: raise it"):
        wait(server, start_timeout_s=1, timeout_s=2)
    assert failed == ["b"]


def test_a_run_outlives_an_api_that_is_away_for_a_while(server: Kubeflow, monkeypatch: pytest.MonkeyPatch):
    steps(monkeypatch, validate=ExecutionStatus.RUNNING)
    server.broken = 3
    server.runs[RUN]["state"] = "SUCCEEDED"
    wait(server)
    assert server.broken == 0


def test_an_api_that_stays_away_is_said(server: Kubeflow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "AWAY_S", 0.1)
    server.broken = 10_000
    with pytest.raises(StackError, match=f"gives no answer for 0.1 s, while the run {RUN} may go on"):
        wait(server)


def test_a_run_that_is_unknown_is_said(server: Kubeflow):
    del server.runs[RUN]
    with pytest.raises(StackError, match=f"does not tell how the run {RUN} is \\(404"):
        wait(server)


@pytest.mark.parametrize(
    ("kubeflow_fails", "reason"),
    [
        (refuses(HTTPStatus.FORBIDDEN), "403 Forbidden"),
        (refuses(HTTPStatus.SERVICE_UNAVAILABLE), "503 Service Unavailable"),
        (gives_no_answer, "MaxRetryError"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ({"start_timeout_s": 1}, "the pod of train did not start within 1 s, "),
        ({"timeout_s": 1}, "kubeflow.timeout_s, 1 s, is over, "),
    ],
)
def test_a_run_that_kubeflow_does_not_end_is_said_and_zenml_is_told(
    server: Kubeflow,
    monkeypatch: pytest.MonkeyPatch,
    failed: list[str],
    kubeflow_fails: Callable[[Kubeflow, pytest.MonkeyPatch], None],
    reason: str,
    limits: dict[str, int],
    said: str,
):
    steps(monkeypatch, validate=ExecutionStatus.COMPLETED, featurize=ExecutionStatus.CACHED)
    kubeflow_fails(server, monkeypatch)
    with pytest.raises(StackError) as ended:
        wait(server, **limits)
    assert str(ended.value).startswith(
        f"{said}and Kubeflow did not end the run ({reason}), so end it at {server.url}/#/runs/details/{RUN}: "
    )
    assert (server.runs[RUN]["state"], failed) == ("RUNNING", ["b"])


@pytest.mark.parametrize("error", [requests.ConnectionError("refused"), RuntimeError("500 HTTP Error received from server")])
def test_a_run_outlives_a_zenml_that_is_away_for_a_while(
    server: Kubeflow, monkeypatch: pytest.MonkeyPatch, failed: list[str], caplog: pytest.LogCaptureFixture, error: Exception
):
    steps(monkeypatch, validate=ExecutionStatus.RUNNING)
    away = zenml_is_away(monkeypatch, error, questions=3)
    answer = waiting.Progress._run

    def ask(progress: waiting.Progress) -> object:
        found = answer(progress)
        server.runs[RUN]["state"] = "SUCCEEDED"  # so the run ends when ZenML has answered
        return found

    monkeypatch.setattr(waiting.Progress, "_run", ask)
    with caplog.at_level(logging.INFO, "pipelines.kubeflow.waiting"):
        wait(server, timeout_s=20)
    assert (len(away), failed) == (3, [])
    assert caplog.messages.count("ZenML gives no answer for now") == 3


def test_a_zenml_that_stays_away_is_said(server: Kubeflow, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(waiting, "AWAY_S", 0.1)
    zenml_is_away(monkeypatch, requests.ConnectionError("refused"))
    with pytest.raises(StackError, match=f"^ZenML gives no answer for 0.1 s, while the run {RUN} may go on$"):
        wait(server)


def test_a_zenml_that_no_longer_knows_who_asks_is_said(server: Kubeflow, monkeypatch: pytest.MonkeyPatch):
    zenml_is_away(monkeypatch, CredentialsNotValid("log in\nagain"))
    with pytest.raises(StackError, match=rf"^ZenML does not tell how the run {RUN} is \(log in again\): it may still go on$"):
        wait(server)


def test_a_run_that_failed_is_said_where_zenml_is_away(server: Kubeflow, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture):
    monkeypatch.setattr(waiting, "AWAY_S", 0.1)
    zenml_is_away(monkeypatch, requests.ConnectionError("refused"))
    server.runs[RUN]["state"] = "FAILED"
    with pytest.raises(StackError, match=f"^the run {RUN} has failed: its logs are at {server.url}"):
        wait(server)
    assert "ZenML was not told that the run failed: ZenML gives no answer for 0.1 s" in caplog.text


def test_while_zenml_is_away_no_pod_is_late(monkeypatch: pytest.MonkeyPatch):
    now_s = [0.0]
    monkeypatch.setattr(waiting.time, "monotonic", lambda: now_s[0])
    monkeypatch.setattr(waiting.time, "sleep", lambda _: now_s.__setitem__(0, now_s[0] + 100))
    watched = waiting.Progress(SNAPSHOT, RUN)
    steps(monkeypatch)
    assert watched.idle() == waiting.Waiting("validate", 0)
    now_s[0] += 7
    zenml_is_away(monkeypatch, requests.ConnectionError("refused"), questions=5)
    assert watched.idle() == waiting.Waiting("validate", 7)
    assert now_s == [507]
