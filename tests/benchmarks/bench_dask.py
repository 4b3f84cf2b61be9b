"""Featurize over two Dask workers, processes of one thread each, against the built-in pool of two threads.

    python tests/benchmarks/bench_dask.py

Both write the same store of the same clips on the same two cores, in turns; the best of the rounds counts. A round over the cluster begins
with connecting to it. The clips are Vorbis of 30 s in stereo, some seconds of decoding in all. The bar is 0.9 of the pool's speed.
"""

import shutil
import sys
import tempfile
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
from bench_s3 import CLIPS, SECONDS, clips

from components.config import AudioConfig
from components.datasets import Manifest
from components.store import build_store
from tests.fixtures.dask_cluster import dask_cluster
from tests.fixtures.manifests import manifest_of

BAR = 0.9
ROUNDS = 4


def featurize(manifest: Manifest, root: Path, address: str | None = None) -> float:
    """Seconds for a store from nothing."""
    shutil.rmtree(root, ignore_errors=True)
    start = time.perf_counter()
    built = build_store(manifest, AudioConfig(), root, workers=2, dask_address=address)
    took_s = time.perf_counter() - start
    if built.decoded != len(manifest):
        raise RuntimeError(f"only {built.decoded} of {len(manifest)} clips were decoded: {built.bad[:1]}")
    return took_s


def main() -> int:
    """0 where the bar is reached."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        manifest = manifest_of(clips(folder / "clips"))
        pool, far = list[float](), list[float]()
        with dask_cluster(folder / "cluster", workers=2) as cluster:
            featurize(manifest.of("test"), folder / "store", cluster.address)  # the workers import what they need
            for _ in range(ROUNDS):
                pool.append(featurize(manifest, folder / "store"))
                far.append(featurize(manifest, folder / "store", cluster.address))
                print(f"two threads {pool[-1]:.2f} s, two Dask workers {far[-1]:.2f} s", flush=True)
    ratio = min(pool) / min(far)
    rate = f"{CLIPS / min(far):.0f} clips of {SECONDS} s a second"
    print(f"featurize over two Dask workers, {rate}: {ratio:.2f} of two threads' speed, bar {BAR}")
    return int(ratio < BAR)


if __name__ == "__main__":
    sys.exit(main())
