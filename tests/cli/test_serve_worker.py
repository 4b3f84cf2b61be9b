"""A worker beside another process: it ends when that one does, and gives its job back."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[2]
# What `timbre serve --with-worker` does: start a worker, then become another program.
SERVICE = (
    "import os, subprocess, sys\n"
    "worker = subprocess.Popen([sys.executable, '-m', 'timbre', 'worker', '--with-parent', str(os.getpid())])\n"
    "print(worker.pid, flush=True)\n"
    "os.execv(sys.executable, [sys.executable, '-c', 'import time; time.sleep(60)'])\n"
)


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_it_ends_with_the_service(tmp_path: Path) -> None:
    (tmp_path / "configs").mkdir()
    service = subprocess.Popen(
        [sys.executable, "-c", SERVICE], cwd=tmp_path, env={"PYTHONPATH": str(HOUSE)}, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    pid = int(service.stdout.readline())
    ends = time.monotonic() + 60
    while not (tmp_path / ".timbre" / "timbre.db").exists() and time.monotonic() < ends:
        time.sleep(0.05)
    assert alive(pid)
    service.kill()
    service.communicate()
    while alive(pid) and time.monotonic() < ends:
        time.sleep(0.05)
    assert not alive(pid)
