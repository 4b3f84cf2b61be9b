"""A worker beside another process: replaced when it dies, and ended, its job given back, when that process does."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from tests.fixtures.running import furnish, running, until
from timbre import beside

HOUSE = Path(__file__).parents[2]
# What `timbre serve --with-worker` does: start what keeps a worker, then become another program.
SERVICE = (
    "import os, subprocess, sys\n"
    "keeper = subprocess.Popen([sys.executable, '-m', 'timbre', 'worker', '--beside', str(os.getpid())])\n"
    "print(keeper.pid, flush=True)\n"
    "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(600)'])\n"
)
PATIENCE_S = 60


@contextlib.contextmanager
def service(home: Path) -> Iterator[tuple[subprocess.Popen[bytes], psutil.Process]]:
    """A service and what keeps its worker."""
    with (home / "log").open("wb") as log:
        command = [sys.executable, "-c", SERVICE]
        process = subprocess.Popen(command, cwd=home, env={"PYTHONPATH": str(HOUSE)}, stdout=subprocess.PIPE, stderr=log)
        try:
            yield process, psutil.Process(int(process.stdout.readline()))
        finally:
            process.kill()
            process.communicate()


def worker_of(process: psutil.Process, but: int = 0) -> psutil.Process:
    """The worker below a process, once there is one that listens to signals; not the one with the id `but`."""

    def look() -> psutil.Process | None:
        return next((one for one in process.children(recursive=True) if one.pid != but and works(one)), None)

    return until(look, PATIENCE_S)


def works(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.NoSuchProcess):
        return "--with-parent" in process.cmdline() and bool(caught(process) >> (signal.SIGTERM - 1) & 1)
    return False


def caught(process: psutil.Process) -> int:
    """The signals that it has a handler for, a bit each."""
    try:
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    except FileNotFoundError:
        return 0
    return next(int(line.split()[1], 16) for line in lines if line.startswith("SigCgt"))


def alive(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "configs").mkdir()
    return tmp_path


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
@pytest.mark.parametrize("end", [signal.SIGKILL, signal.SIGTERM])
def test_it_ends_with_the_service(home: Path, end: signal.Signals) -> None:
    with service(home) as (process, keeper):
        worker = worker_of(keeper)
        process.send_signal(end)
        process.wait()
        until(lambda: not alive(worker) and not alive(keeper), PATIENCE_S)
    assert "another one" not in (home / "log").read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_one_that_is_killed_is_replaced(home: Path) -> None:
    with service(home) as (process, keeper):
        first = worker_of(keeper)
        first.kill()
        second = worker_of(keeper, but=first.pid)
        assert not alive(first)
        assert "the worker was ended by signal 9; another one starts in 1 s" in (home / "log").read_text()
        process.kill()
        until(lambda: not alive(second) and not alive(keeper), PATIENCE_S)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_ends_with_what_keeps_it(home: Path) -> None:
    with service(home) as (_, keeper):
        worker = worker_of(keeper)
        keeper.kill()
        until(lambda: not alive(worker), PATIENCE_S)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_services_own_worker_is_replaced_too(home: Path) -> None:
    with running(home, furnish(home), "--with-worker", TIMBRE_CONFIGS=str(home / "configs")) as service:
        process = psutil.Process(service.pid)
        first = worker_of(process)
        first.kill()
        second = worker_of(process, but=first.pid)
        process.kill()
        until(lambda: not alive(second), PATIENCE_S)


class Waits(threading.Event):
    """Notes for how long it is waited for, and is set after so many waits."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self.most, self.noted = most, []

    def wait(self, timeout: float | None = None) -> bool:
        self.noted.append(timeout)
        if len(self.noted) == self.most:
            self.set()
        return self.is_set()


def test_one_that_cannot_start_is_tried_less_and_less_often(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(beside, "_work", lambda stop: "ended with 2")
    stop = Waits(9)
    beside.keep_worker(stop)
    assert stop.noted == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert caplog.messages[:2] == [f"the worker ended with 2; another one starts in {delay} s" for delay in (1, 2)]
    assert len(caplog.messages) == 9


def test_after_one_that_has_lived_for_long_the_next_comes_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([0, 1, 1, 2, 2, 63, 63, 64])
    monkeypatch.setattr(beside, "time", SimpleNamespace(monotonic=lambda: next(moments)))
    monkeypatch.setattr(beside, "_work", lambda stop: "was ended by signal 9")
    stop = Waits(4)
    beside.keep_worker(stop)
    assert stop.noted == [1, 2, 1, 2]


def test_where_no_process_can_be_started_it_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(12, os.strerror(12))

    monkeypatch.setattr(beside.subprocess, "Popen", refuse)
    assert beside._work(threading.Event()) == "cannot be started (Cannot allocate memory)"
