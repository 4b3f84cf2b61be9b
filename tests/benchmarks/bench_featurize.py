"""Featurize against a bare loop: two processes that decode with soundfile, take the mean of the channels and resample with soxr.

    python tests/benchmarks/bench_featurize.py

The loop keeps nothing; featurize checks each file's sha256, rounds, and writes the store besides. Both run on two cores, in turns, on the
same stereo clips of 3 s; the best of the rounds counts. The bar is 0.9 of the loop's speed.
"""

import multiprocessing
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import soundfile
import soxr

from components.config import AudioConfig
from components.datasets import Manifest
from components.store import build_store
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import noise, write

BAR = 0.9
CLIPS, ROUNDS = 120, 4
FORMATS = {"wav": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "mp3": "MPEG_LAYER_III"}
Mix = Callable[[np.ndarray], np.ndarray]


def numpy_mean(block: np.ndarray) -> np.ndarray:
    return block.mean(axis=1)


def halved_sum(block: np.ndarray) -> np.ndarray:
    return (block[:, 0] + block[:, 1]) * np.float32(0.5)


def loop(connection: Connection, paths: list[Path], mix: Mix) -> None:
    """Decode, mix and resample each time that the other end says so."""
    while connection.recv():
        for path in paths:
            waveform, sample_rate = soundfile.read(path, dtype="float32")
            soxr.resample(mix(waveform), sample_rate, 22050, "HQ")
        connection.send(True)


class Bare:
    """Two processes, started and imported before the clock runs."""

    def __init__(self, paths: list[Path], mix: Mix) -> None:
        context = multiprocessing.get_context("fork")
        pairs = [context.Pipe() for _ in range(2)]
        self._ends = [mine for mine, _ in pairs]
        self._processes = [
            context.Process(target=loop, args=(theirs, paths[place::2], mix), daemon=True) for place, (_, theirs) in enumerate(pairs)
        ]
        for process in self._processes:
            process.start()

    def run(self) -> float:
        start = time.perf_counter()
        for end in self._ends:
            end.send(True)
        for end in self._ends:
            end.recv()
        return time.perf_counter() - start

    def stop(self) -> None:
        for end in self._ends:
            end.send(False)
        for process in self._processes:
            process.join()


def featurize(manifest: Manifest, root: Path) -> float:
    """Seconds for a store from nothing."""
    shutil.rmtree(root, ignore_errors=True)
    start = time.perf_counter()
    built = build_store(manifest, AudioConfig(), root, workers=2)
    took_s = time.perf_counter() - start
    if built.decoded != len(manifest):
        raise RuntimeError(f"only {built.decoded} of {len(manifest)} clips were decoded")
    return took_s


def compare(kind: str, folder: Path) -> float:
    """Print one format's figures; the ratio to the loop with numpy's mean."""
    stereo = np.stack([noise(3, 44100, seed=1), noise(3, 44100, seed=2)], axis=1)
    paths = [write(folder / kind / f"{place}.{kind}", np.roll(stereo, place * 50, axis=0), 44100, FORMATS[kind]) for place in range(CLIPS)]
    manifest = manifest_of(paths)
    bare = {mix.__name__: Bare(paths, mix) for mix in (numpy_mean, halved_sum)}
    times: dict[str, list[float]] = {name: [] for name in (*bare, "featurize")}
    for _ in range(ROUNDS):
        for name, loops in bare.items():
            times[name].append(loops.run())
        times["featurize"].append(featurize(manifest, folder / "store"))
    for loops in bare.values():
        loops.stop()
    best = {name: min(taken) for name, taken in times.items()}
    ratios = {name: best[name] / best["featurize"] for name in bare}
    said = ", ".join(f"{ratio:.2f} of the loop with {name}" for name, ratio in ratios.items())
    print(f"{kind:5} featurize {best['featurize'] / CLIPS * 1e3:.2f} ms a clip: {said}", flush=True)
    return ratios["numpy_mean"]


def main() -> int:
    """0 where every format reaches the bar."""
    with tempfile.TemporaryDirectory() as folder:
        worst = min(compare(kind, Path(folder)) for kind in FORMATS)
    print(f"worst ratio {worst:.2f}, bar {BAR}")
    return int(worst < BAR)


if __name__ == "__main__":
    sys.exit(main())
