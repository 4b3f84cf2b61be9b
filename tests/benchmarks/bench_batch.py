"""Batch scoring from S3 into S3 and the prediction log, 30 ms away, against `timbre predict` on the same clips on the local disk.

    python tests/benchmarks/bench_batch.py

Batch scoring hashes each clip, measures its loudness and writes Parquet and SQL besides. Both sides have one core for themselves; the S3
server (moto's) and the delay have the other. The clips are Vorbis of 30 s in stereo. Both sides take turns; the best of the rounds counts.
The bar is 0.8 of predict's speed.
"""

import os
import sys
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch
from bench_predict import sealed
from bench_s3 import CLIPS, DELAY_S, far_clips

from components.registry.database import Database
from components.scoring import score
from components.tagger import Tagger
from components.work_config import PredictionConfig

BAR = 0.8
ROUNDS = 3


def batch(model: Path, out: str) -> float:
    """Seconds for a batch of all clips in the bucket."""
    start = time.perf_counter()
    done = score(PredictionConfig(data=("s3://bench/clips",), model=str(model), out=out, device="cpu"))
    took_s = time.perf_counter() - start
    if done.scored != CLIPS:
        raise RuntimeError(f"only {done.scored} of {CLIPS} clips were scored: {done.first_bad[:1]}")
    return took_s


def main() -> int:
    """0 where the bar is reached."""
    with far_clips() as (folder, paths):
        model = sealed(folder / "tagger")
        torch.set_num_threads(1)
        Tagger.open(model).predict(paths[:8])  # warm
        local, remote = list[float](), list[float]()
        for turn in range(ROUNDS):
            os.environ["TIMBRE_DATABASE_URL"] = f"sqlite:///{folder / f'{turn}.db'}"  # or the log would know the clips
            Database().ask()
            start = time.perf_counter()
            Tagger.open(model).predict(paths)  # a batch opens it too
            local.append(time.perf_counter() - start)
            remote.append(batch(model, f"s3://bench/scores-{turn}"))
            print(f"predict {CLIPS / local[-1]:.0f} clips/s, batch over S3 {CLIPS / remote[-1]:.0f} clips/s", flush=True)
    ratio = min(local) / min(remote)
    print(f"batch scoring over S3, {DELAY_S * 1e3:.0f} ms away: {ratio:.2f} of predict on local files, bar {BAR}")
    return int(ratio < BAR)


if __name__ == "__main__":
    sys.exit(main())
