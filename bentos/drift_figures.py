"""Whether models drift, for Prometheus: read from the database, into which another process writes it, without ever waiting for it long."""

import logging
import math
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from components.errors import RegistryError
from components.registry.episodes import Watched

log = logging.getLogger("timbre.service")
FRESH_S, STALE_S = 30.0, 600.0
PATIENCE_S = 0.5
Read = Callable[[], Sequence[Watched]]


class DriftFigures(Collector):
    """Reads at most every FRESH_S seconds, in a thread of its own; what is older than STALE_S is not told any more.

    Args:
        read: gives the last period of each model; a RegistryError where the database is away.
    """

    def __init__(self, read: Read) -> None:
        self._read = read
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="timbre-drift-figures")
        self._lock = threading.Lock()
        self._known: Sequence[Watched] = ()
        self._read_at = self._tried_at = -math.inf
        self._under_way: Future[None] | None = None

    def close(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)

    def collect(self) -> Iterable[Metric]:
        """`timbre_drift`, `timbre_drift_label` and `timbre_drift_watched_timestamp_seconds`."""
        with self._lock:
            if (self._under_way is None or self._under_way.done()) and time.monotonic() - self._tried_at > FRESH_S:
                self._under_way = self._thread.submit(self._refresh)
            under_way = self._under_way
        if under_way is not None:
            wait_for([under_way], PATIENCE_S)
        known = self._known if time.monotonic() - self._read_at < STALE_S else ()
        drifts = GaugeMetricFamily("timbre_drift", "Whether an episode of drift is open", labels=["model", "kind"])
        labels = GaugeMetricFamily("timbre_drift_label", "Labels that drift in an open episode", labels=["model", "kind", "label"])
        watched = GaugeMetricFamily(
            "timbre_drift_watched_timestamp_seconds", "When the last period that was watched ended", labels=["model", "kind"]
        )
        for one in known:
            drifts.add_metric([one.model_key, one.kind], float(one.drifts))
            watched.add_metric([one.model_key, one.kind], one.until.timestamp())
            for code in one.labels:
                labels.add_metric([one.model_key, one.kind, code], 1.0)
        return [drifts, labels, watched]

    def _refresh(self) -> None:
        self._tried_at = time.monotonic()
        try:
            self._known = self._read()
            self._read_at = time.monotonic()
        except RegistryError as error:
            log.warning("no figures of drift: %s", error)
