"""Anonymous memory of featurize and of the batches that feed training: 10,000 clips against 1,000.

    python tests/benchmarks/bench_memory.py

Each measurement is a process of its own, which samples RssAnon while it works: pages of the memory map are the system's to drop and do not
count. The bar is 100 MB more for ten times the clips; the decoded clips themselves would be 240 MB more.
"""

import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np

from components.config import AudioConfig
from components.datasets import Manifest
from components.store import build_store, open_store
from components.training.loader import Loader
from components.training.plan import Plan
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import noise, write

BAR_MB = 100.0
COUNTS = (1_000, 10_000)
CLIP_S = 0.6
WINDOW, BATCH, EPOCHS = 11_025, 32, 2


def rss_anon_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon"))


def featurize(manifest: Manifest, root: Path) -> None:
    build_store(manifest, AudioConfig(), root)


def load_batches(manifest: Manifest, root: Path) -> None:
    """Two epochs of windows at random places, in random order."""
    store = open_store(build_store(manifest, AudioConfig(), root).ref, root)
    plan = Plan(store.num_samples, WINDOW, BATCH, seed=0)
    for _ in Loader(store, plan, steps=EPOCHS * plan.steps_per_epoch):
        pass


WORK = {"featurize": featurize, "loader": load_batches}


def measure(what: str, manifest: Path, root: Path) -> float:
    """Peak RssAnon of this process while it works, in MB."""
    peak, done = rss_anon_mb(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, rss_anon_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    WORK[what](Manifest.read(manifest), root)
    done.set()
    watcher.join()
    return peak


def main() -> int:
    """0 where both stay under the bar."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        waveform = noise(CLIP_S, 8000)
        paths = [write(folder / "clips" / f"{place:05d}.wav", np.roll(waveform, place), 8000) for place in range(max(COUNTS))]
        everything = manifest_of(paths)
        peaks: dict[str, list[float]] = {what: [] for what in WORK}
        for count in COUNTS:
            manifest = Manifest(everything.frame.iloc[:count].reset_index(drop=True), everything.label_set)
            path = manifest.write(folder / f"{count}.parquet")
            for what, found in peaks.items():
                command = [sys.executable, __file__, what, str(path), str(folder / f"store{count}")]
                found.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    for what, (few, many) in peaks.items():
        print(f"{what:9} {few:.0f} MB for {COUNTS[0]:,} clips, {many:.0f} MB for {COUNTS[1]:,}: {many - few:+.0f} MB, bar {BAR_MB:+.0f} MB")
    print(f"{time.monotonic() - start:.0f} s")
    return int(max(many - few for few, many in peaks.values()) > BAR_MB)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(measure(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])))
    else:
        sys.exit(main())
