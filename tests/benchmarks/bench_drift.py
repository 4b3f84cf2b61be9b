"""A drift verdict and its report over 1,000,000 logged clips of 20 labels: seconds, and anonymous memory at its highest.

    python tests/benchmarks/bench_drift.py [CLIPS]

The frame is made column by column, as the prediction log gives it; reading the log is not timed here. The bars are 2 minutes and 2 GB.
"""

import sys
import threading
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import pandas as pd

from components.labels import OPENMIC
from components.monitoring.drift import drift
from components.monitoring.report import Watched, report
from components.watch_config import DriftConfig

MOST_S, MOST_GB = 120.0, 2.0


def frame(clips: int, seed: int) -> pd.DataFrame:
    """A period of the log, or with its first rows a reference."""
    rng = np.random.default_rng(seed)
    table: dict[str, object] = {
        "at": pd.date_range("2026-11-01", periods=clips, freq="s", tz="UTC"),
        "model": pd.Categorical.from_codes(np.zeros(clips, np.int8), ["a" * 64]),
        "content": pd.Series(np.arange(clips)).map("{:064x}".format).astype("string[pyarrow]"),
        "error": pd.Series([None], dtype="string[pyarrow]").repeat(clips).reset_index(drop=True),
        "duration_s": rng.gamma(4, 3, clips),
        "sample_rate": rng.choice([22050.0, 44100.0, 48000.0], clips),
        "channels": rng.integers(1, 3, clips).astype(np.float64),
        "loudness_lufs": rng.normal(-18, 5, clips),
        "peak_db": rng.normal(-6, 4, clips),
        "silent_share": np.maximum(rng.normal(-0.1, 0.2, clips), 0),
        "clipped_share": np.zeros(clips),
    }
    for place, code in enumerate(OPENMIC.codes):
        scores = rng.beta(0.3 + place / 40, 2, clips).astype(np.float32)
        table[f"score_{code}"] = scores
        table[f"decision_{code}"] = (scores > 0.5).astype(np.int8)
    table |= {f"embedding_{place:02d}": rng.standard_normal(clips, np.float32) for place in range(32)}
    return pd.DataFrame(table)


def anonymous_gb() -> float:
    status = Path("/proc/self/status").read_text()
    return int(status.split("RssAnon:")[1].split()[0]) * 1024 / 1e9


def main(clips: int) -> int:
    reference, current = frame(2000, 1), frame(clips, 2)
    highest, done = [anonymous_gb()], threading.Event()

    def watch() -> None:
        while not done.wait(0.02):
            highest[0] = max(highest[0], anonymous_gb())

    held, watcher = highest[0], threading.Thread(target=watch)
    watcher.start()
    began, began_cpu = time.perf_counter(), time.process_time()
    verdict = drift(reference, current, OPENMIC, DriftConfig())
    judged_s = time.perf_counter() - began
    report(verdict, reference, current, OPENMIC, Watched("bench", "a" * 64), DriftConfig())
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - began_cpu
    done.set()
    watcher.join()
    print(f"{clips:,} clips, {len(verdict.checks)} comparisons, {verdict.state}: verdict {judged_s:.1f} s, with report {took_s:.1f} s "
          f"({cpu_s:.1f} s of processor); {highest[0]:.2f} GB at most, of which the frame {held:.2f} GB")  # fmt: skip
    return int(took_s > MOST_S or highest[0] > MOST_GB)


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]) if sys.argv[1:] else 1_000_000))
