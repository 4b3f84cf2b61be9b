"""What FMA-full and AudioSet would take, from rates measured here and prices that are given.

    python tests/benchmarks/scale_on_paper.py
    python tests/benchmarks/scale_on_paper.py --gpu-windows 2000 --gpu-hour 1.0 --latency 0.03 --bandwidth 1e9

No bar: it prints what docs/scale.md tells. What a GPU does, and how far away S3 is, are not known here, so they are arguments; everything
else is measured in some minutes: decoding, the steps that hold a manifest, indexes, a training step, and the names of a batch. S3 is
moto's, in a process of its own: only the CPU that this side takes for a request is measured with it.
"""

import argparse
import hashlib
import os
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import boto3
import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import soundfile
import torch
from bench_s3 import KEYS, s3_server
from step_costs import apart, later_steps, short_clips, validating, write_csvs

from components.audio import Clip16, load
from components.config import AudioConfig, load_config
from components.datasets import files
from components.labels import IRMAS
from components.losses import CrossEntropy
from components.network import build_network
from components.scoring.listing import list_files
from components.store import shards
from components.store.folder import Folder
from tests.benchmarks.paper import CORPORA, RATE, Corpus, Given, OfAClip, Rates, table
from tests.fixtures.sounds import noise, write

NAMES, INDEXES, CLIP_S, STEPS, BATCH = 8_000, 300, 30.0, 6, 16
LOOKED_BYTES = 300e6  # of files of a corpus's length and rate
MP3_KBIT_S = (320, 32)  # of soundfile's compression_level 0 and 1


def timed(repeats: int, work: Callable[[], object], clock: Callable[[], float] = time.perf_counter) -> float:
    """Seconds of one call, the best of some."""
    found = []
    for _ in range(repeats):
        start = clock()
        work()
        found.append(clock() - start)
    return min(found)


def stereo(duration_s: float) -> np.ndarray:
    return np.stack([noise(duration_s, 44100, seed=1), noise(duration_s, 44100, seed=2)], axis=1)


def rate_of_decoding(folder: Path) -> float:
    """Seconds of stereo MP3 that one core decodes, mixes, resamples and hashes in a second."""
    path = write(folder / "clip.mp3", stereo(CLIP_S), 44100, "MPEG_LAYER_III")

    def work() -> None:
        load(path, RATE)
        hashlib.sha256(path.read_bytes()).hexdigest()

    work()
    return CLIP_S / timed(3, work)


def looking_ms(corpus: Corpus, folder: Path) -> float:
    """For each file of the corpus's length and rate, by the threads of `build_manifest`."""
    folder.mkdir()
    first, last = MP3_KBIT_S
    level = (first - corpus.kbit_s) / (first - last)
    soundfile.write(folder / "one.mp3", stereo(corpus.mean_s), 44100, "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=level)
    content = (folder / "one.mp3").read_bytes()
    paths = [folder / f"{place:08d}.mp3" for place in range(round(LOOKED_BYTES / len(content)))]
    for place, path in enumerate(paths):
        path.write_bytes(content + b"TAG" + f"{place:<125}".encode())  # ID3v1, so that no two are the same
    pattern = write_csvs(paths, 5)
    return 1e3 * min(apart("validate", pattern, folder / "store")["looking_s"] for _ in range(2)) / len(paths)


def name_costs(spec: str) -> tuple[float, float]:
    """Bytes of a file's name in a batch: held, and at most while all are listed."""
    tracemalloc.start()
    listed, _ = list_files([spec], IRMAS)
    held, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return held / len(listed), peak / len(listed)


def names(folder: Path) -> dict[str, str]:
    """Where a batch's files are -> how they are named; those on S3 are there."""
    here = folder / "named"
    here.mkdir()
    client = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    for place in range(NAMES):
        (here / f"{place:08d}.wav").touch()
        client.put_object(Bucket="bench", Key=f"named/{place:08d}.wav", Body=b"")
    csv = folder / "names.csv"
    files.MOST_TEXT_MIB = 1  # or the buffer of the longest list that may be, which nothing touches, would count as memory
    csv.write_text("\n".join(["file", *(f"s3://bench/named/{place:08d}.wav" for place in range(NAMES))]) + "\n")
    client.put_object(Bucket="bench", Key="one/0.wav", Body=b"")
    list_files(["inference:s3://bench/one"], IRMAS)  # or the connection would be counted
    return {"a folder": f"inference:{here}", "an S3 prefix": "inference:s3://bench/named", "a CSV of s3:// names": f"inference:{csv}"}


def index_costs(root: Path | None) -> float:
    """Seconds for reading the index of one shard; on S3, of this process's CPU for fetching and reading it."""
    folder = Folder.of(AudioConfig(), root)
    for place in range(INDEXES):
        writer = shards.ShardWriter(folder)
        writer.add(f"{place:064x}", Clip16(np.ones(100, np.int16), 1.0))
        writer.flush()

    def work() -> None:
        if folder.remote:
            for index in folder.shards.glob("*.parquet"):
                index.unlink()
        if len(list(shards.read_indexes(folder))) != INDEXES:
            raise RuntimeError("some indexes were not read")

    return timed(3, work, time.process_time if folder.remote else time.perf_counter) / INDEXES


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


def measure(folder: Path) -> Rates:
    """All rates but those that need S3."""
    short = folder / "short"
    short.mkdir()
    paths = short_clips(short)
    clips = {}
    for corpus in CORPORA:
        rest = validating(paths, corpus.labels, folder / f"store-{corpus.labels}", corpus.csvs)
        look_ms = looking_ms(corpus, folder / corpus.name)
        clips[corpus.name] = OfAClip(round(look_ms, 2), round(rest.rest_ms, 2), round(rest.nbytes / 1e3, 1))
    featurize, opened = later_steps(paths, len(IRMAS), folder / "later")
    return Rates(
        decoding=round(rate_of_decoding(folder)),
        training=round(rate_of_training()),
        index_ms=round(index_costs(folder / "indexes") * 1e3, 2),
        get_ms=0.0,
        featurize_kb=round(featurize / 1e3, 1),
        opened_kb=round(opened / 1e3, 1),
        clips=clips,
    )


def over_s3(folder: Path) -> tuple[float, list[str]]:
    """Seconds of CPU for fetching and reading an index, and what is said of a batch's names."""
    with s3_server() as port:
        os.environ |= KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}", "TIMBRE_MIRROR": str(folder / "mirror")}
        boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"]).create_bucket(Bucket="bench")
        told = []
        for what, spec in names(folder).items():
            held, peak = name_costs(spec)
            told.append(f"a file's name in a batch, from {what}: {held:.0f} bytes, {peak:.0f} while they are listed")
        os.environ["TIMBRE_STORE"] = "s3://bench/store"
        return index_costs(None), told


def main() -> None:
    """Measure, then print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    told = {
        "cpu_hour": "dollars an hour of one core",
        "gpu_hour": "dollars an hour of one GPU",
        "gpu_windows": "windows a second that one GPU trains on: assumed, not measured",
        "gb_month": "dollars for a gigabyte kept a month",
        "put": "dollars a PUT or LIST",
        "get": "dollars a GET",
        "latency": "seconds to S3 and back",
        "bandwidth": "bytes a second from S3",
    }
    for name, default in asdict(Given()).items():
        parser.add_argument(f"--{name.replace('_', '-')}", type=float, default=default, help=told[name])
    given = Given(**vars(parser.parse_args()))
    with tempfile.TemporaryDirectory() as scratch:
        rates = measure(Path(scratch))
        fetched_s, said = over_s3(Path(scratch))
    rates = replace(rates, get_ms=round(max(0.0, fetched_s * 1e3 - rates.index_ms), 2))
    print("\n".join([str(rates), "", *said, "", *table(rates, given)]))


if __name__ == "__main__":
    main()
