"""What SIGTERM and Ctrl+C do to requests under way, on services of their own."""

import concurrent.futures
import json
import os
import signal
from pathlib import Path

import httpx
import pytest

from tests.fixtures.besieged import deaf, head
from tests.fixtures.running import RATE, Running, furnish, refuses, running, until
from tests.fixtures.sounds import sine, write

MODEL = {"model_ckpt_path": "production"}
MANY = ["long"] * 250  # a thousand clips of 6 s: seconds of work


def lay_long_clips(home: Path) -> None:
    (home / "data" / "long").mkdir()
    for place in range(4):
        write(home / "data" / "long" / f"{place}.wav", sine(200 + 100 * place, 6.0, RATE), RATE)


def wait_for_end(service: Running) -> None:
    until(lambda: not not_ended(service.pid), 60)


def not_ended(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
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
            until(lambda: refuses(service))
            assert not whole.done()  # else this test would show nothing
            *_, last = lines
        assert json.loads(last) == {"status": "done", "clips": 1000, "failed": 0}
        assert whole.result().status_code == 200
        wait_for_end(service)
    assert "Traceback" not in (tmp_path / "service.log").read_text()


@pytest.mark.slow
def test_who_does_not_read_holds_up_no_stop(tmp_path: Path):
    with running(tmp_path, furnish(tmp_path), TIMBRE_TIME_LIMIT_S="5") as service, deaf(service) as line:
        line.sendall(head(service, "GET", "/docs/swagger-ui-bundle.js", {"X-API-Key": "", "Connection": "keep-alive"}) * 4)
        assert line.recv(100).startswith(b"HTTP/1.1 200")
        os.kill(service.pid, signal.SIGTERM)
        until(lambda: not not_ended(service.pid), 20)


@pytest.mark.slow
def test_a_second_signal_ends_it_at_once(tmp_path: Path):
    keys = furnish(tmp_path)
    lay_long_clips(tmp_path)
    with running(tmp_path, keys) as service, service.client() as client:
        with client.stream("POST", "/model/predict-directory-stream", params=MODEL, json=MANY) as streamed:
            lines = streamed.iter_lines()
            next(lines)
            os.kill(service.pid, signal.SIGINT)
            until(lambda: refuses(service))
            os.kill(service.pid, signal.SIGINT)
            with pytest.raises(httpx.RemoteProtocolError):
                list(lines)
        wait_for_end(service)
