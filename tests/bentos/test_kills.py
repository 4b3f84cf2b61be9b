"""The service is killed or stopped in the midst of its work: nothing that it has acknowledged is lost, and nothing is left behind."""

import contextlib
import itertools
import json
import os
import re
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from components.registry import ApiKeys
from components.registry.jobs import Jobs
from tests.fixtures.besieged import FORM, PREDICT, SOUND, ask, connected, family, file, form, head, received, send, temporary, works
from tests.fixtures.running import Running, furnish, refuses, running, until

pytestmark = pytest.mark.slow
LOOKS_S = 10  # between BentoML's looks at its processes
CONFIG = "name: tones\ndata: {train: ['irmastrain:/srv/own']}\n"


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tmp_path = tmp_path_factory.mktemp("k")  # a long path would be too long for a socket in it
    (tmp_path / "tmp").mkdir()
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "tones.yaml").write_text(CONFIG)
    return tmp_path


@contextlib.contextmanager
def started(home: Path, keys: dict[str, str], **given: str) -> Iterator[Running]:
    with running(home, keys, TMPDIR=str(home / "tmp"), TIMBRE_CONFIGS=str(home / "configs"), **given) as found:
        yield found


def ours(home: Path) -> set[str]:
    """What lies in the temporary folder, without the sockets' empty folders, which are BentoML's."""
    return {path.name for path in (home / "tmp").iterdir() if not path.name.startswith("bentoml-")}


def kill(service: Running) -> None:
    """All of its processes, so that none can tidy up."""
    for process in family(service.pid):
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def pending(service: Running) -> float:
    """The requests under way, the one that asks too where it is counted."""
    figures = ask(service, "GET", "/metrics").body.decode()
    return float(re.search(r"^timbre_requests_pending (\S+)$", figures, re.MULTILINE)[1])


def repeat(service: Running, call: Callable[[httpx.Client, int], None], enough: Callable[[], bool]) -> None:
    """Call from eight threads for two seconds and until enough is done, then kill the service; what the calls assert holds to the end."""

    def run(number: int) -> None:
        with service.client() as client, contextlib.suppress(httpx.HTTPError):
            for turn in range(100_000):
                call(client, 100_000 * number + turn)

    with ThreadPoolExecutor(8) as pool:
        began = time.monotonic()
        runs = [pool.submit(run, number) for number in range(8)]
        try:
            until(lambda: any(map(failed, runs)) or (time.monotonic() > began + 2 and enough()), 60)
        finally:
            kill(service)
    for one in runs:
        one.result()


def failed(run: "Future[None]") -> bool:
    return run.done() and run.exception() is not None


def test_killed_while_models_are_promoted(home: Path):
    keys = furnish(home)
    rolled_back: set[str] = set()  # a promotion of what is in production already leaves no entry

    def change(client: httpx.Client, number: int) -> None:
        what, reason = ("small/promote", "other/promote", "rollback")[number % 3], uuid.uuid4().hex
        answer = client.post(f"/api/v1/models/{what}", json={"reason": reason})
        assert answer.status_code in (200, 400), answer.text
        if what == "rollback" and answer.status_code == 200:
            rolled_back.add(reason)

    for least in (10, 20):
        with started(home, keys) as service:
            works(service)
            repeat(service, change, lambda least=least: len(rolled_back) >= least)
    with started(home, keys) as service, service.registry() as registry:
        works(service)
        assert len(registry.list().items) == 2
        assert sum("production" in model.aliases for model in registry.list().items) == 1
        by_digest = {model.digest: model.id for model in registry.list().items}
        entries = [entry for entry in reversed(registry.audit(limit=1_000_000)) if entry.action in ("promoted", "rolled back")]
        for before, after in itertools.pairwise(entries):
            assert by_digest[after.detail["before"]] == before.model_id  # no change is missing between two entries
        assert registry.find("production").id == entries[-1].model_id
        assert len(rolled_back) >= 20
        assert rolled_back <= {entry.detail["reason"] for entry in entries}


def test_killed_while_jobs_are_accepted(home: Path):
    keys = furnish(home)
    accepted: dict[str, str] = {}

    def submit(client: httpx.Client, number: int) -> None:
        answer = client.post("/api/v1/training-jobs", json={"config": "tones"}, headers={"Idempotency-Key": str(number)})
        assert answer.status_code == 202, answer.text
        accepted[str(number)] = answer.json()["id"]

    with started(home, keys) as service:
        works(service)
        repeat(service, submit, lambda: len(accepted) > 10)
    assert len(accepted) > 10
    with started(home, keys) as service, service.registry() as registry:
        with service.client() as client:
            for key, job in list(accepted.items())[-8:]:
                again = client.post("/api/v1/training-jobs", json={"config": "tones"}, headers={"Idempotency-Key": key})
                assert again.json()["id"] == job
        jobs, leased = Jobs(registry.database), []
        while (job := jobs.lease("a worker", 600.0)) is not None:
            leased.append(job.id)
        assert len(leased) == len(set(leased))
        assert set(accepted.values()) <= set(leased)


def test_killed_while_files_are_uploaded(home: Path):
    keys = furnish(home)
    body = form([(file(b"a.wav"), SOUND), (file(b"large.wav"), b"x" * 2**25)])
    with started(home, keys) as service, contextlib.ExitStack() as stack:
        for _ in range(4):
            line = stack.enter_context(connected(service))
            line.sendall(head(service, "POST", PREDICT, FORM, len(body)) + body[:-1000])
        (temporary(service) / "timbre-s3-999999999-x").mkdir()
        kill(service)
    left = ours(home)
    assert len(left) == 2  # the figures' folder and that of a killed one; uploads have no names
    with started(home, keys) as service:
        works(service)
        there = ours(home)
        assert len(there) == 1
        assert not there & left
    assert not ours(home)


def test_where_the_first_process_is_killed_the_others_end(home: Path):
    with started(home, furnish(home)) as service:
        processes = family(service.pid)
        assert len(processes) >= 3
        os.kill(service.pid, signal.SIGKILL)
        until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in processes))


def test_one_worker_that_ends_takes_nothing_from_the_others(home: Path):
    with started(home, furnish(home), TIMBRE_NUM_WORKERS="2") as service:
        works(service)
        workers = [one for one in psutil.Process(service.pid).children() if _takes_requests(one)]
        assert len(workers) == 2
        workers[0].terminate()
        workers[0].wait(60)
        until(lambda: len([one for one in psutil.Process(service.pid).children() if _takes_requests(one)]) == 2, 60)
        for _ in range(20):
            works(service)
            assert b"timbre_requests_pending" in ask(service, "GET", "/metrics").body
    assert "FileNotFoundError" not in (home / "service.log").read_text()
    assert not ours(home)


def test_in_a_container_a_process_that_ends_is_not_replaced_and_the_last_ends_the_service(home: Path):
    with started(home, furnish(home), TIMBRE_NUM_WORKERS="2", BENTOML_CONTAINERIZED="true") as service:
        works(service)
        parent = psutil.Process(service.pid)
        first, other = (one for one in parent.children() if _takes_requests(one))
        first.kill()
        time.sleep(LOOKS_S + 2)
        assert [one for one in parent.children() if _takes_requests(one)] == [other]
        works(service)
        other.kill()
        until(lambda: parent.status() == psutil.STATUS_ZOMBIE)


def _takes_requests(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return "BENTOML_RUNNER_MAP" in process.environ() and process.status() != psutil.STATUS_ZOMBIE
    return False


def test_a_stop_finishes_what_is_under_way_and_takes_nothing_new(home: Path):
    body = form([(file(b"a.wav"), SOUND)] * 200)
    with started(home, furnish(home)) as service:
        works(service)
        before = pending(service)
        with connected(service) as slow, connected(service) as whole:
            slow.sendall(head(service, "POST", PREDICT, FORM, len(body)) + body[: len(body) // 2])
            whole.sendall(head(service, "POST", PREDICT, FORM, len(body)) + body)
            until(lambda: pending(service) == before + 2)
            os.kill(service.pid, signal.SIGTERM)
            until(lambda: refuses(service))
            threading.Thread(target=slow.sendall, args=[body[len(body) // 2 :]]).start()
            for line in (whole, slow):
                answer = received(line)
                assert answer.status == 200, answer
                assert len(json.loads(answer.body)) == 200
            with contextlib.suppress(ConnectionRefusedError):
                assert send(service, head(service, "GET", "/models", {})).status == 0
        until(lambda: not psutil.pid_exists(service.pid) or psutil.Process(service.pid).status() == psutil.STATUS_ZOMBIE)


def test_two_workers_share_a_rate_and_a_promotion(home: Path):
    keys = furnish(home)
    with started(home, keys, TIMBRE_NUM_WORKERS="2") as service, service.registry() as registry:
        assert len(family(service.pid)) >= 4
        _, secret = ApiKeys(registry.database).create("limited", ["predict"], "test", 60)
        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            statuses = list(pool.map(lambda _: _once(service, secret), range(200)))
        assert set(statuses) == {200, 429}
        assert statuses.count(200) <= 61 + time.monotonic() - began  # 60 a minute, and those that come due meanwhile
        key = registry.look_up("other").key
        registry.promote("other", "test", "a test")
        scores = registry.find("production").key
        assert scores == key
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: _heard(service), range(40)))
        assert set(answers) == {_heard(service, key)}


def _once(service: Running, secret: str) -> int:
    return httpx.get(f"{service.url}/models", headers={"X-API-Key": secret}, timeout=60).status_code


def _heard(service: Running, model: str = "production") -> str:
    """On a connection of its own, so that any of the workers may take it."""
    parts = [("audio_files", ("a.wav", SOUND))]
    with service.client() as client:
        answer = client.post("/model/predict-files", params={"model_ckpt_path": model, "scores": True}, files=parts)
    assert answer.status_code == 200, answer.text
    return answer.text
