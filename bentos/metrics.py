"""Figures for Prometheus. Labels are routes and models, never paths: a stranger could make up any number of those."""

import os
import re
from pathlib import Path

from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.responses import Response

from bentos.processes import lives

REQUESTS = Counter("timbre_requests_total", "Requests answered", ["method", "route", "status"])
SECONDS = Histogram(
    "timbre_request_seconds", "From the request's first byte to the answer's last", ["route"],
    buckets=(0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100),
)  # fmt: skip
PENDING = Gauge("timbre_requests_pending", "Requests under way", multiprocess_mode="livesum")
CLIPS = Counter("timbre_clips_total", "Clips heard", ["model", "outcome"])
AUDIO_SECONDS = Counter("timbre_audio_seconds_total", "Seconds of audio scored", ["model"])
BATCH = Histogram("timbre_batch_clips", "Clips that shared a batch", buckets=(1, 2, 4, 8, 16, 32, 64))
LOG_ROWS = Counter("timbre_prediction_log_rows_total", "Predictions that were logged, or could not be", ["outcome"])
LOG_WAITING = Gauge("timbre_prediction_log_waiting", "Predictions that wait to be logged", multiprocess_mode="livesum")
LOG_AUDIO = Counter("timbre_prediction_log_audio_total", "Clips whose audio was to be kept", ["outcome"])


LIVE = re.compile(r"gauge_live\w*_(\d+)\.db")


def answer(*others: Collector) -> Response:
    """The figures of all processes, and those of other collectors."""
    registry = REGISTRY
    if folder := os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        _bury_the_dead(Path(folder))
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    beside = CollectorRegistry()
    for other in others:
        beside.register(other)
    return Response(generate_latest(registry) + generate_latest(beside), media_type=CONTENT_TYPE_LATEST)


def _bury_the_dead(folder: Path) -> None:
    """Forget what killed processes had under way: nobody else says that they are gone."""
    for path in folder.iterdir():
        if (named := LIVE.fullmatch(path.name)) and not lives(int(named[1])):
            path.unlink(missing_ok=True)  # another scrape, here or in another process, may be at it: `mark_process_dead` would fail then
