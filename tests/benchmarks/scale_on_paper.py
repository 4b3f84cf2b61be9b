"""What FMA-full and AudioSet would take, from rates measured here and prices that are given.

    python tests/benchmarks/scale_on_paper.py
    python tests/benchmarks/scale_on_paper.py --gpu-windows 2000 --gpu-hour 1.0

No bar: it prints the tables of docs/scale.md. What a GPU does is not known here, so it is an argument; everything else is measured in
the minute that this takes: decoding, hashing, the manifest, the indexes of the store and a training step.
"""

import argparse
import hashlib
import resource
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import torch

from components.audio import Clip16, load
from components.config import AudioConfig, load_config
from components.datasets import Manifest
from components.labels import IRMAS
from components.losses import CrossEntropy
from components.network import build_network
from components.scoring.listing import list_files
from components.store import shards
from components.store.folder import Folder
from tests.fixtures.sounds import noise, write

RATE = 22050
SAMPLE_BYTES = 2
ROWS, INDEXES, CLIP_S, STEPS, BATCH = 20_000, 300, 30.0, 6, 16
HOUR_S, GB = 3600.0, 1e9


@dataclass(frozen=True)
class Corpus:
    """Files, their mean length in seconds, and bytes in all."""

    name: str
    clips: int
    mean_s: float
    nbytes: float

    @property
    def seconds(self) -> float:
        return self.clips * self.mean_s

    @property
    def store_bytes(self) -> float:
        return self.seconds * RATE * SAMPLE_BYTES

    @property
    def shards(self) -> int:
        return round(self.store_bytes / shards.SHARD_BYTES)


# Defferrard et al., "FMA: A Dataset for Music Analysis" (ISMIR 2017): 106,574 untrimmed tracks, 343 days, 879 GiB of MP3.
# Gemmeke et al., "Audio Set" (ICASSP 2017): 2,084,320 clips of 10 s; as 128 kbit/s files.
CORPORA = (
    Corpus("FMA-full", 106_574, 343 * 86_400 / 106_574, 879 * 2**30),
    Corpus("AudioSet", 2_084_320, 10.0, 2_084_320 * 10.0 * 128_000 / 8),
)


def timed(repeats: int, work: Callable[[], object]) -> float:
    """Seconds of one call, the best of some."""
    found = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        found.append(time.perf_counter() - start)
    return min(found)


def rate_of_decoding(folder: Path) -> float:
    """Seconds of stereo MP3 that one core decodes, mixes, resamples and hashes in a second."""
    path = write(
        folder / "clip.mp3", np.stack([noise(CLIP_S, 44100, seed=1), noise(CLIP_S, 44100, seed=2)], axis=1), 44100, "MPEG_LAYER_III"
    )

    def work() -> None:
        load(path, RATE)
        hashlib.sha256(path.read_bytes()).hexdigest()

    work()
    return CLIP_S / timed(3, work)


def manifest_costs() -> tuple[float, float]:
    """Microseconds and bytes of a row: made, and its digest taken."""
    row = {"sha256": "0" * 64, "duration_s": 10.0, "sample_rate": 44100, "channels": 2, "labels": ["cel"], "unknown": ["voi"]}
    row |= {"group": "group", "split": "train", "source": "csv", "fold": ""}
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    rows = [{**row, "clip_id": f"data/{place:08d}.wav", "path": f"s3://bucket/data/{place:08d}.wav"} for place in range(ROWS)]
    _ = Manifest.of_rows(rows, IRMAS).digest
    took_s = time.perf_counter() - start
    return took_s / ROWS * 1e6, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024 / ROWS


def name_costs(folder: Path) -> tuple[float, float]:
    """Bytes of a file's name in a batch: held, and at most while all are listed."""
    folder.mkdir()
    for place in range(ROWS):
        (folder / f"{place:08d}.wav").touch()
    tracemalloc.start()
    listed = list_files([f"inference:{folder}"], IRMAS)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / len(listed[0]), peak / len(listed[0])


def index_cost(root: Path) -> float:
    """Seconds for reading the index of one shard."""
    folder = Folder.of(AudioConfig(), root)
    for place in range(INDEXES):
        writer = shards.ShardWriter(folder)
        writer.add(f"{place:064x}", Clip16(np.ones(100, np.int16), 1.0))
        writer.flush()
    return timed(2, lambda: list(shards.read_indexes(folder))) / INDEXES


def rate_of_training() -> float:
    """Windows of 3 s that MOBILENET_V3_LARGE trains on in a second, on two cores, without augmentations."""
    config = load_config(overrides={"model.name": "MOBILENET_V3_LARGE"})
    network = build_network(config.feature, config.model, config.windows, RATE, IRMAS).train()
    optimizer, loss = torch.optim.AdamW(network.parameters()), CrossEntropy()
    batch = torch.randn(BATCH, round(config.windows.length_s * RATE))
    targets = torch.zeros(BATCH, len(IRMAS))

    def step() -> None:
        optimizer.zero_grad()
        loss(network(batch), targets, torch.ones_like(targets)).backward()
        optimizer.step()

    step()
    return BATCH / timed(STEPS, step)


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--cpu-hour", type=float, default=0.045, help="dollars an hour of one core")
    parser.add_argument("--gpu-hour", type=float, default=1.0, help="dollars an hour of one GPU")
    parser.add_argument("--gpu-windows", type=float, default=2000.0, help="windows a second that one GPU trains on: assumed, not measured")
    parser.add_argument("--gb-month", type=float, default=0.023, help="dollars for a gigabyte kept a month")
    parser.add_argument("--put", type=float, default=5e-6, help="dollars a PUT or LIST")
    parser.add_argument("--get", type=float, default=4e-7, help="dollars a GET")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        decoding, index_s = rate_of_decoding(Path(scratch)), index_cost(Path(scratch) / "store")
        held, peak = name_costs(Path(scratch) / "named")
    row_us, row_bytes = manifest_costs()
    training = rate_of_training()
    print(f"one core decodes {decoding:.0f} s of stereo MP3 a second; two cores train on {training:.0f} windows a second")
    print(f"a row of the manifest: {row_us:.0f} us, {row_bytes:.0f} bytes; the index of a shard: {index_s * 1e3:.2f} ms")
    print(f"a file's name in a batch: {held:.0f} bytes, {peak:.0f} while they are listed\n")
    print("| | " + " | ".join(corpus.name for corpus in CORPORA) + " |\n|---|" + "--:|" * len(CORPORA))
    for name, figure in {
        "clips": lambda c: f"{c.clips:,}",
        "hours of audio": lambda c: f"{c.seconds / HOUR_S:,.0f}",
        "CPU-hours to validate and featurize": lambda c: f"{featurize_hours(c, decoding):,.0f}",
        "... of 64 cores": lambda c: f"{featurize_hours(c, decoding) / 64:.1f} h",
        "... in money": lambda c: f"${featurize_hours(c, decoding) * given.cpu_hour:,.2f}",
        "store": lambda c: f"{c.store_bytes / GB:,.0f} GB in {c.shards:,} shards",
        "... a month": lambda c: f"${c.store_bytes / GB * given.gb_month:,.2f}",
        "S3: GETs to read each clip twice": lambda c: f"{2 * c.clips:,} (${2 * c.clips * given.get:,.2f})",
        "S3: PUTs of shards and indexes": lambda c: f"{2 * c.shards:,} (${2 * c.shards * given.put:,.2f})",
        "an epoch (a window a clip) on these two cores": lambda c: f"{c.clips / training / HOUR_S:,.1f} h",
        f"an epoch on a GPU, were it {given.gpu_windows:.0f} windows/s": lambda c: f"{c.clips / given.gpu_windows / HOUR_S:.2f} h",
        "... 100 of them in money": lambda c: f"${100 * c.clips / given.gpu_windows / HOUR_S * given.gpu_hour:,.2f}",
        "manifest, in one process": lambda c: f"{c.clips * row_us / 1e6:,.0f} s, {c.clips * row_bytes / GB:.1f} GB",
        "indexes read by each step": lambda c: f"{c.shards * index_s:,.0f} s",
    }.items():
        print(f"| {name} | " + " | ".join(figure(corpus) for corpus in CORPORA) + " |")


def featurize_hours(corpus: Corpus, decoding: float) -> float:
    """Core-hours: validate hashes and featurize decodes, which the measured rate holds both."""
    return corpus.seconds / decoding / HOUR_S


if __name__ == "__main__":
    main()
