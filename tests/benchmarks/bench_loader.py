"""The training loader against the usual way, both ending in mel batches.

    python tests/benchmarks/bench_loader.py

The usual way is a Dataset that decodes, resamples and computes a librosa mel spectrogram for each item, read by a DataLoader with two
workers, which are warm before the clock runs and whose linear algebra keeps to one thread each (with numpy's default of all cores for
each worker they are three times slower). Ours cuts windows from the store, which featurize filled once, and computes the mel
spectrogram of the whole batch. They run in turns, each alone on the machine: workers that fill their queue while the other is timed
would slow it down, and be paid for what they have not done in the time. The best round of each counts. The bar: 10 times the clips a
second.
"""

import itertools
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import librosa
import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import soundfile
import torch
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader, Dataset

from components.config import AudioConfig
from components.features import MelSpectrogram
from components.store import Store, build_store, open_store
from components.training.loader import Loader
from components.training.plan import Plan
from tests.fixtures.manifests import manifest_of
from tests.fixtures.sounds import noise, write

BAR = 10.0
CLIPS, CLIP_S, RATE, BATCH, ROUNDS = 192, 3.0, 22050, 32, 4


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
    """Clips in each batch, epoch after epoch, from workers that live as long as the iterator."""
    workers = {"num_workers": 2, "persistent_workers": True, "worker_init_fn": lambda _: threadpool_limits(1)}
    loader = DataLoader(Usual(paths), BATCH, shuffle=True, drop_last=True, **workers)
    while True:
        yield from (len(mel) for mel in loader)


@torch.no_grad()
def ours(store: Store) -> Iterator[int]:
    """Likewise."""
    feature = MelSpectrogram(RATE)
    plan = Plan(store.num_samples, round(CLIP_S * RATE), BATCH, seed=0)
    yield from (len(feature(waveforms)) for waveforms, _, _ in Loader(store, plan, steps=sys.maxsize))


def clips_per_s(batches: Iterator[int], count: int) -> float:
    """Over `count` batches, after some that warm it and empty the queue that was filled meanwhile."""
    for _ in range(4):
        next(batches)
    start = time.perf_counter()
    clips = sum(itertools.islice(batches, count))
    return clips / (time.perf_counter() - start)


def main() -> int:
    """0 where the bar is reached."""
    stereo = np.stack([noise(CLIP_S, 44100, seed=1), noise(CLIP_S, 44100, seed=2)], axis=1)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [write(folder / "clips" / f"{place}.wav", np.roll(stereo, place * 50, axis=0), 44100) for place in range(CLIPS)]
        store = open_store(build_store(manifest_of(paths), AudioConfig(), folder / "store").ref, folder / "store")
        # An iterator that is dropped takes its workers and threads with it.
        rounds = [(clips_per_s(usual(paths), 2 * CLIPS // BATCH), clips_per_s(ours(store), 16 * CLIPS // BATCH)) for _ in range(ROUNDS)]
    slow, fast = map(max, zip(*rounds, strict=True))
    print(f"usual way {slow:.0f} clips/s, loader {fast:.0f} clips/s: {fast / slow:.1f} times, bar {BAR:.0f}")
    return int(fast / slow < BAR)


if __name__ == "__main__":
    sys.exit(main())
