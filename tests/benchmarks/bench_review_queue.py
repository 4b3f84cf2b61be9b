"""What the review queue costs: the next clip of 50,000 predictions of 11 labels, 500 of them reviewed, on SQLite; and where files are gone.

    python tests/benchmarks/bench_review_queue.py

Told by the CPU time that it needs, the median of 5, which other work on the machine disturbs less than the time on the clock.
"""

import statistics
import tempfile
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
from sqlalchemy import insert

from bentos import listening, reviewing
from bentos.sources import Sources
from components.registry.database import Database
from components.registry.prediction import Prediction, values_of
from components.registry.tables import LoggedModelRow, PredictionRow, ReviewRow

CLIP_S, GONE_S = 1.0, 3.0  # of CPU, for one clip, and for none where all files are gone
ROWS, REVIEWED, TIMES = 50_000, 500, 5
MODEL, LABELS = "a" * 64, tuple(f"label{place:02d}" for place in range(11))
START = datetime(2026, 1, 1, tzinfo=UTC)


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        database = Database(f"sqlite:///{folder}/timbre.db")
        fill(database)
        context: Any = SimpleNamespace(
            catalogue=SimpleNamespace(find=lambda _key: offer()), registry=SimpleNamespace(database=database), sources=Sources([], [], 1, 1)
        )
        gone = median(lambda: reviewing.ask(context, "production", None, 1))  # no clip lies anywhere
        with patch.object(reviewing, "may_be_there", return_value=True), patch.object(listening, "is_there", return_value=True):
            one = median(lambda: reviewing.ask(context, "production", None, 1))
            twenty = median(lambda: reviewing.ask(context, "production", None, 20).items())
        database.close()
    print(f"the next clip in {one:.3f} s of CPU (bar {CLIP_S}), the next 20 in {twenty:.3f} s")
    print(f"none among {reviewing.MOST_LOOKED_UP} whose files are gone in {gone:.3f} s (bar {GONE_S})")
    return 0 if one <= CLIP_S and gone <= GONE_S else 1


def offer() -> Any:
    return SimpleNamespace(digest=MODEL, settings=SimpleNamespace(thresholds=(0.5,) * len(LABELS), task="multilabel"))


def fill(database: Database) -> None:
    rng = np.random.default_rng(0)
    with database.write() as session:
        session.execute(insert(LoggedModelRow), [{"digest": MODEL, "key": "bench@aaaaaaaa", "labels": list(LABELS)}])
        rows = [values_of(prediction(rng, place)) for place in range(ROWS)]
        session.execute(insert(PredictionRow), rows)
        told = {"model": MODEL, "labels": [], "reviewer": "ann", "at": START}
        session.execute(
            insert(ReviewRow), [{"prediction_id": row["id"], "content": row["content"], **told} for row in rows[:: ROWS // REVIEWED]]
        )


def prediction(rng: np.random.Generator, second: int) -> Prediction:
    scores = rng.random(len(LABELS), dtype=np.float32)
    return Prediction(
        id=str(uuid.uuid4()), at=START + timedelta(seconds=second), model=MODEL, model_key="bench@aaaaaaaa", labels=LABELS,
        request_id=uuid.uuid4().hex, caller="bench", latency_ms=40.0, content=rng.bytes(32).hex(), audio_uri=f"/kept/{second}",
        scores=scores, decisions=scores > 0.5, embedding=rng.standard_normal(32, dtype=np.float32),
    )  # fmt: skip


def median(ask: Callable[[], object]) -> float:
    """Seconds of CPU."""
    ask()
    times = []
    for _ in range(TIMES):
        began = time.process_time()
        ask()
        times.append(time.process_time() - began)
    return statistics.median(times)


if __name__ == "__main__":
    raise SystemExit(main())
