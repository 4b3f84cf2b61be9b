"""Featurize from S3 and into S3, 30 ms away, against the same clips and store on the local disk.

    python tests/benchmarks/bench_s3.py

Featurize has one core for itself, on both sides; the S3 server (moto's) and the delay have the other. The clips are Vorbis of 30 s in
stereo. Both sides take turns; the best of the rounds counts. The bar is 0.8 of the local disk's speed.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import boto3
import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np

from components.config import AudioConfig, DataConfig
from components.datasets import Manifest, build_manifest
from components.store import build_store
from tests.fixtures.latency import far_away
from tests.fixtures.running import free_port
from tests.fixtures.sounds import noise, write

BAR = 0.8
CLIPS, SECONDS, ROUNDS, DELAY_S = 96, 30, 3, 0.03
KEYS = {"AWS_ACCESS_KEY_ID": "bench", "AWS_SECRET_ACCESS_KEY": "bench", "AWS_DEFAULT_REGION": "us-east-1"}


@contextmanager
def s3_server() -> Iterator[int]:
    """The port of a server in a process of its own."""
    port = free_port()
    process = subprocess.Popen([sys.executable, "-m", "moto.server", "-p", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(300):
            try:
                urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1).close()
                break
            except OSError:
                time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait()


def clips(folder: Path) -> list[Path]:
    stereo = np.stack([noise(SECONDS, 44100, seed=1), noise(SECONDS, 44100, seed=2)], axis=1)
    return [write(folder / f"{place}.ogg", np.roll(stereo, place * 500, axis=0), 44100, "VORBIS") for place in range(CLIPS)]


def featurize(manifest: Manifest, root: Path | None) -> float:
    """Seconds for a store from nothing."""
    start = time.perf_counter()
    built = build_store(manifest, AudioConfig(), root, workers=1)
    took_s = time.perf_counter() - start
    if built.decoded != len(manifest):
        raise RuntimeError(f"only {built.decoded} of {len(manifest)} clips were decoded: {built.bad[:1]}")
    return took_s


@contextmanager
def far_clips() -> Iterator[tuple[Path, list[Path]]]:
    """A folder to work in, and clips in it that lie in s3://bench/clips too, DELAY_S away; one core is left for this process alone."""
    ours, theirs, *_ = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {theirs})
    with tempfile.TemporaryDirectory() as scratch, s3_server() as port, far_away(port, DELAY_S) as far:
        os.sched_setaffinity(0, {ours})
        folder = Path(scratch)
        os.environ |= KEYS | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{far}", "TIMBRE_MIRROR": str(folder / "mirror")}
        client = boto3.client("s3", endpoint_url=f"http://127.0.0.1:{port}")
        client.create_bucket(Bucket="bench")
        paths = clips(folder / "clips")
        for path in paths:
            client.put_object(Bucket="bench", Key=f"clips/{path.name}", Body=path.read_bytes())
        yield folder, paths


def main() -> int:
    """0 where the bar is reached."""
    with far_clips() as (folder, _):
        here = build_manifest(DataConfig(test=(f"inference:{folder / 'clips'}",)), ("a",), AudioConfig()).manifest
        there = build_manifest(DataConfig(test=("inference:s3://bench/clips",)), ("a",), AudioConfig()).manifest
        local, remote = list[float](), list[float]()
        for turn in range(ROUNDS):
            shutil.rmtree(folder / "store", ignore_errors=True)
            local.append(featurize(here, folder / "store"))
            os.environ["TIMBRE_STORE"] = f"s3://bench/store-{turn}"
            remote.append(featurize(there, None))
            print(f"local {local[-1]:.2f} s, over S3 {remote[-1]:.2f} s", flush=True)
    ratio = min(local) / min(remote)
    print(f"featurize over S3, {DELAY_S * 1e3:.0f} ms away: {ratio:.2f} of the local disk's speed, bar {BAR}")
    return int(ratio < BAR)


if __name__ == "__main__":
    sys.exit(main())
