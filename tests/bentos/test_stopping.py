"""What SIGTERM and Ctrl+C do to requests under way, on services of their own."""

import concurrent.futures
import json
import os
import signal
import time
from pathlib import Path

import httpx
import pytest

from tests.fixtures.running import RATE, Running, furnish, running
from tests.fixtures.sounds import sine, write

MODEL = {"model_ckpt_path": "production"}
MANY = ["long"] * 250  # a thousand clips of 6 s: seconds of work


def lay_long_clips(home: Path) -> None:
    (home / "data" / "long").mkdir()
    for place in range(4):
        write(home / "data" / "long" / f"{place}.wav", sine(200 + 100 * place, 6.0, RATE), RATE)


def wait_for_end(service: Running) -> None:
    last = time.monotonic() + 60
    while not_ended(service.pid):
        assert time.monotonic() < last
        time.sleep(0.1)


def not_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def refuses(service: Running) -> bool:
    try:
        httpx.get(f"{service.url}/livez", timeout=5)
    except httpx.ConnectError:
        return True
    return False


@pytest.mark.slow
@pytest.mark.parametrize("told", [signal.SIGTERM, signal.SIGINT])
def test_requests_under_way_end_well_and_new_ones_are_refused(tmp_path: Path, told: signal.Signals):
    keys = furnish(tmp_path)
    lay_long_clips(tmp_path)
    with running(tmp_path, keys) as service, service.client() as client, concurrent.futures.ThreadPoolExecutor(1) as other:
        whole = other.submit(client.post, "/model/predict-directory", params=MODEL, json=MANY)
        with client.stream("POST", "/model/predict-directory-stream", params=MODEL, json=MANY) as streamed:
            lines = streamed.iter_lines()
            next(lines)
            os.kill(service.pid, told)
            time.sleep(1.5)
            assert refuses(service)
            assert not whole.done()  # else this test would show nothing
            *_, last = lines
        assert json.loads(last) == {"status": "done", "clips": 1000, "failed": 0}
        assert whole.result().status_code == 200
        wait_for_end(service)
    assert "Traceback" not in (tmp_path / "service.log").read_text()


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(tmp_path: Path):
    keys = furnish(tmp_path)
    lay_long_clips(tmp_path)
    with running(tmp_path, keys) as service, service.client() as client:
        with client.stream("POST", "/model/predict-directory-stream", params=MODEL, json=MANY) as streamed:
            lines = streamed.iter_lines()
            next(lines)
            os.kill(service.pid, signal.SIGINT)
            time.sleep(0.7)
            os.kill(service.pid, signal.SIGINT)
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
        wait_for_end(service)
