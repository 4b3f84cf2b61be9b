"""What Prometheus and log collectors get."""

import os
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from bentos import metrics
from tests.fixtures.running import RATE, ROOT, Running, log_lines, until
from tests.fixtures.sounds import encoded, sine


def test_figures_are_by_route_and_never_by_path(client, service: Running):
    sound = encoded(sine(440, 1.0, RATE), RATE)
    client.post("/model/predict-files", params={"model_ckpt_path": "production"}, files=[("audio_files", ("a.wav", sound))])
    for place in range(50):
        client.get(f"/made/up/{place}")
    figures = client.get("/metrics").text
    assert 'timbre_requests_total{method="POST",route="/model/predict-files",status="200"}' in figures
    assert 'timbre_clips_total{model="small@' in figures
    assert "timbre_batch_clips_bucket" in figures
    assert "made" not in figures


def test_each_request_has_a_line_with_its_id(client, service: Running):
    answer = client.get("/models", headers={"X-Request-ID": "mine-1"})
    assert answer.headers["x-request-id"] == "mine-1"
    line = until(lambda: next((line for line in log_lines(service.home) if line["request_id"] == "mine-1"), None))
    assert (line["status"], line["caller"], line["message"]) == (200, "admin", "GET /models")


def test_an_id_that_could_break_a_log_is_replaced(client):
    assert client.get("/models", headers={"X-Request-ID": "a b{}"}).headers["x-request-id"] != "a b{}"


def test_what_a_killed_process_had_under_way_is_forgotten(tmp_path: Path):
    environment = {**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    killed = "import os\nfrom bentos import metrics\nmetrics.PENDING.inc(5)\nmetrics.BATCH.observe(1)\nos._exit(9)"
    looking = "from bentos import metrics\nmetrics.PENDING.inc()\nprint(metrics.answer().body.decode())"
    subprocess.run([sys.executable, "-c", killed], env=environment, check=False)
    found = subprocess.run([sys.executable, "-c", looking], env=environment, capture_output=True, text=True, check=True).stdout
    assert "timbre_requests_pending 1.0" in found
    assert "timbre_batch_clips_count 1.0" in found  # what it has done stays


def test_of_scrapes_at_a_time_none_fails_where_another_forgot_a_killed_process_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    monkeypatch.setattr(metrics, "lives", lambda _: False)
    together = threading.Barrier(4)

    def scrape(_: int) -> int:
        together.wait(60)
        return metrics.answer().status_code

    with ThreadPoolExecutor(4) as pool:
        for _ in range(100):
            for pid in range(10):
                (tmp_path / f"gauge_livesum_{pid}.db").touch()
            assert list(pool.map(scrape, range(4))) == [200] * 4
            assert not list(tmp_path.iterdir())
