"""The training loader against the usual way, both ending in mel batches; and its anonymous memory for many clips.

    python tests/benchmarks/bench_loader.py

The usual way is a Dataset that decodes, resamples and computes a librosa mel spectrogram for each item, read by a DataLoader with two
workers, which are warm before the clock runs. Ours cuts windows from the store, which featurize filled once, and computes the mel
spectrogram of the whole batch. They run in turns, and the best round of each counts. The bars: 10 times the clips a second, and
100 MB more for 10,000 clips than for 1,000.
"""

import itertools
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import librosa
import numpy as np
import soundfile
import torch
from torch.utils.data import DataLoader, Dataset

from components.config import AudioConfig
from components.datasets import Manifest
from components.features import MelSpectrogram
from components.store import Store, build_store, open_store
from components.training.loader import Loader
from components.training.plan import Plan
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import noise, write

SPEED_BAR, MEMORY_BAR_MB = 10.0, 100.0
CLIPS, CLIP_S, RATE, BATCH, ROUNDS = 192, 3.0, 22050, 32, 4
COUNTS, SHORT_S = (1_000, 10_000), 0.6


class Usual(Dataset):
    """One file at a time, everything computed again in every epoch."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, place: int) -> np.ndarray:
        stereo, sample_rate = soundfile.read(self.paths[place], dtype="float32")
        waveform = librosa.resample(stereo.mean(axis=1), orig_sr=sample_rate, target_sr=RATE)
        mel = librosa.feature.melspectrogram(y=waveform, sr=RATE, n_fft=1024, hop_length=512, n_mels=64)
        return librosa.power_to_db(mel).astype(np.float32)


def usual(paths: list[Path]) -> Iterator[int]:
    """Clips in each batch, epoch after epoch."""
    loader = DataLoader(Usual(paths), BATCH, shuffle=True, num_workers=2, persistent_workers=True, drop_last=True)
    while True:
        yield from (len(mel) for mel in loader)


@torch.no_grad()
def ours(store: Store) -> Iterator[int]:
    """Likewise."""
    feature = MelSpectrogram(RATE)
    plan = Plan(store.num_samples, round(CLIP_S * RATE), BATCH, seed=0)
    yield from (len(feature(waveforms)) for waveforms, _, _ in Loader(store, plan, steps=sys.maxsize))


def clips_per_s(batches: Iterator[int], count: int) -> float:
    """Over `count` batches."""
    start = time.perf_counter()
    clips = sum(itertools.islice(batches, count))
    return clips / (time.perf_counter() - start)


def speed(folder: Path) -> float:
    """How many times faster than the usual way the loader is."""
    stereo = np.stack([noise(CLIP_S, 44100, seed=1), noise(CLIP_S, 44100, seed=2)], axis=1)
    paths = [write(folder / "clips" / f"{place}.wav", np.roll(stereo, place * 50, axis=0), 44100) for place in range(CLIPS)]
    store = open_store(build_store(manifest_of(paths), AudioConfig(), folder / "store").ref, folder / "store")
    theirs, mine = usual(paths), ours(store)
    next(theirs), next(mine)
    rounds = [(clips_per_s(theirs, CLIPS // BATCH), clips_per_s(mine, 4 * CLIPS // BATCH)) for _ in range(ROUNDS)]
    slow, fast = map(max, zip(*rounds, strict=True))
    print(f"speed: usual way {slow:.0f} clips/s, loader {fast:.0f} clips/s: {fast / slow:.1f} times, bar {SPEED_BAR:.0f}", flush=True)
    return fast / slow


def memory(folder: Path) -> float:
    """How many MB more 10,000 clips take than 1,000, each measured in a process of its own."""
    waveform = noise(SHORT_S, 8000)
    paths = [write(folder / "short" / f"{place:05d}.wav", np.roll(waveform, place), 8000) for place in range(max(COUNTS))]
    everything, peaks = manifest_of(paths), []
    for count in COUNTS:
        manifest = Manifest(everything.frame.iloc[:count].reset_index(drop=True), everything.label_set)
        manifest.write(folder / f"{count}.parquet")
        build_store(manifest, AudioConfig(), folder / "short_store")
        command = [sys.executable, __file__, str(folder / f"{count}.parquet"), str(folder / "short_store")]
        peaks.append(float(subprocess.run(command, capture_output=True, text=True, check=True).stdout))
    few, many = peaks
    print(
        f"memory: {few:.0f} MB for {COUNTS[0]:,} clips, {many:.0f} MB for {COUNTS[1]:,}: {many - few:+.0f} MB, bar {MEMORY_BAR_MB:+.0f} MB"
    )
    return many - few


def peak_mb(manifest: Path, root: Path) -> float:
    """Peak RssAnon of this process over two epochs of batches; pages of the memory map are the system's to drop and do not count."""
    store = open_store(build_store(Manifest.read(manifest), AudioConfig(), root).ref, root)
    peak, done = rss_anon_mb(), threading.Event()

    def watch() -> None:
        nonlocal peak
        while not done.wait(0.005):
            peak = max(peak, rss_anon_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    plan = Plan(store.num_samples, round(0.5 * RATE), BATCH, seed=0)
    for _ in Loader(store, plan, steps=2 * plan.steps_per_epoch):
        pass
    done.set()
    watcher.join()
    return peak


def rss_anon_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 / 1e6 for line in lines if line.startswith("RssAnon"))


def main() -> int:
    """0 where both bars are reached."""
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        ratio, more_mb = speed(Path(folder)), memory(Path(folder))
    return int(ratio < SPEED_BAR or more_mb > MEMORY_BAR_MB)


if __name__ == "__main__":
    if len(sys.argv) > 1:
        print(peak_mb(Path(sys.argv[1]), Path(sys.argv[2])))
    else:
        sys.exit(main())
