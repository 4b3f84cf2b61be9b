"""A training ends with the worker that started it, however that one goes."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.fixtures.running import until
from timbre.lifeline import line

HOUSE = Path(__file__).parents[2]
HOLDING = "import time; from timbre.lifeline import hold_on; hold_on(); print('holding', flush=True); time.sleep(60)"
WORKER = (
    "import subprocess, sys, time\n"
    "child = subprocess.Popen([sys.executable, '-c', sys.argv[1]], stdin=subprocess.PIPE, start_new_session=True)\n"
    "print(child.pid, flush=True)\n"
    "time.sleep(60)\n"
)


def start(*arguments: str) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    return subprocess.Popen([sys.executable, *arguments], cwd=HOUSE, env={"PYTHONPATH": str(HOUSE)}, start_new_session=True, **pipes)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_dies_with_a_worker_that_is_killed() -> None:
    worker = start("-c", WORKER, HOLDING)
    pid = int(worker.stdout.readline())
    assert worker.stdout.readline() == b"holding\n"
    assert alive(pid)
    worker.kill()
    worker.communicate()
    until(lambda: not alive(pid))


def test_it_dies_where_its_input_ends() -> None:
    child = start("-c", HOLDING)
    assert child.stdout.readline() == b"holding\n"
    child.stdin.close()
    assert child.wait(30) == -signal.SIGKILL
    child.stdout.close()


def test_it_lives_as_long_as_it_was_told() -> None:
    child = start("-c", HOLDING)
    assert child.stdout.readline() == b"holding\n"
    first = time.monotonic() + 2
    os.write(child.stdin.fileno(), line(first))
    os.write(child.stdin.fileno(), line(first + 60))
    while time.monotonic() < first + 0.5:
        time.sleep(0.1)
    assert child.poll() is None
    last = time.monotonic() + 0.5
    os.write(child.stdin.fileno(), line(last))
    assert child.wait(30) == -signal.SIGKILL
    assert time.monotonic() >= last - 0.001
    child.communicate()


def test_nothing_else_reads_the_words() -> None:
    child = start("-c", f"{HOLDING.partition('print')[0]} print(repr(input()) if False else open(0).read())")
    os.write(child.stdin.fileno(), line(time.monotonic() + 60))
    assert child.stdout.read() == b"\n"
    child.communicate()
