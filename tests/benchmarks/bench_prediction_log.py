"""The prediction log: rows a second into PostgreSQL, a million rows read as a frame, and the facts of a clip.

    python tests/benchmarks/bench_prediction_log.py

The bars: 1,000 rows a second in batches of 500, as the service writes them; 1,000,000 rows of 20 labels in 1.5 GB of anonymous memory;
the facts of 10 s at 22,050 Hz in 1.5 ms of CPU. What logging costs the service is measured by bench_logging.py.
"""

import time
import uuid
from datetime import UTC, datetime, timedelta
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
from sqlalchemy import text

from components.audio import round16
from components.audio.facts import facts_of
from components.registry.database import Database
from components.registry.prediction import COLUMNS, Prediction
from components.registry.predictions import Predictions
from tests.fixtures.postgres import postgres
from tests.fixtures.sounds import noise

ROWS_A_SECOND, FRAME_GB, FACTS_MS = 1000, 1.5, 1.5
ROWS, BATCH, MANY = 10_000, 500, 1_000_000
MODEL, LABELS = "a" * 64, tuple(f"label{place:02d}" for place in range(20))
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    facts_ms = facts()
    print(f"facts of 10 s in {facts_ms:.2f} ms (bar {FACTS_MS})", flush=True)
    with postgres() as url:
        database = Database(url)
        predictions = Predictions(database)
        rows_a_second = written(predictions)
        print(f"{rows_a_second:.0f} rows/s into PostgreSQL (bar {ROWS_A_SECOND})", flush=True)
        fill(database)
        before, began = anonymous_gb(), time.perf_counter()
        frame = predictions.frame(MODEL)
        frame_s, frame_gb = time.perf_counter() - began, peak_gb() - before
        database.close()
    print(f"{len(frame):,} rows read in {frame_s:.0f} s and {frame_gb:.2f} GB at most (bar {FRAME_GB})")
    return 0 if rows_a_second >= ROWS_A_SECOND and facts_ms <= FACTS_MS and frame_gb <= FRAME_GB and len(frame) == MANY else 1


def facts() -> float:
    """Milliseconds of CPU, the median."""
    clip, times = round16(noise(10, 22050)), []
    for _ in range(100):
        began = time.thread_time()
        facts_of(clip, 22050)
        times.append(1000 * (time.thread_time() - began))
    return float(np.median(times))


def written(predictions: Predictions) -> float:
    """Rows a second, their making left out."""
    rng = np.random.default_rng(0)
    batches = [[row(rng, first + place) for place in range(BATCH)] for first in range(0, ROWS, BATCH)]
    predictions.add(batches[0])  # the connection, the tables
    began = time.perf_counter()
    for batch in batches[1:]:
        predictions.add(batch)
    return (ROWS - BATCH) / (time.perf_counter() - began)


def row(rng: np.random.Generator, second: int) -> Prediction:
    scores = rng.random(len(LABELS), dtype=np.float32)
    return Prediction(
        id=str(uuid.uuid4()), at=START + timedelta(seconds=second), model=MODEL, model_key="bench@aaaaaaaa", labels=LABELS,
        request_id=uuid.uuid4().hex, caller="bench", latency_ms=40.0, content=rng.bytes(32).hex(), duration_s=10.0, sample_rate=44100,
        channels=2, loudness_lufs=-20.0, peak_db=-1.0, silent_share=0.0, clipped_share=0.0, scores=scores, decisions=scores > 0.5,
        embedding=rng.standard_normal(32, dtype=np.float32),
    )  # fmt: skip


def fill(database: Database) -> None:
    """Copy the rows inside the database until there are as many as the bar speaks of."""
    others = ", ".join(name for name in COLUMNS if name not in ("id", "at"))
    copies = f"SELECT gen_random_uuid()::text, at + i * interval '1 day', {others} FROM predictions, generate_series(1, :times) AS i"  # noqa: S608 - ours
    with database.write() as session:
        session.execute(text(f"INSERT INTO predictions (id, at, {others}) {copies}"), {"times": MANY // ROWS - 1})


def anonymous_gb() -> float:
    Path("/proc/self/clear_refs").write_text("5")  # the peak is counted anew
    return status("RssAnon")


def peak_gb() -> float:
    return status("VmHWM") - status("RssFile")


def status(name: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) * 1024 / 1e9


if __name__ == "__main__":
    raise SystemExit(main())
