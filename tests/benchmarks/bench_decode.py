"""How long one thread decodes a clip, by format, length and the size of the blocks in which it is read.

    python tests/benchmarks/bench_decode.py [KIB ...]

Stereo clips at 44,100 Hz are read to mono at 22,050 Hz, as featurize, `timbre predict` and the service read them. Each size has processes
of its own, in turns, as what the allocator kept of larger blocks would serve smaller ones; the median of a process's reads is taken, and
the best of its processes counts. The bar: blocks as they are take no longer than those of 4 MiB, by the geometric mean of all formats and
lengths.
"""

import multiprocessing
import statistics
import sys
import tempfile
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np

from components.audio import decode
from tests.fixtures.sounds import noise, write

BAR = 1.0
VALUE_BYTES = 4
OURS_KIB = decode.BLOCK_VALUES * VALUE_BYTES // 1024
LARGE_KIB = 4096
FORMATS = (("wav", "PCM_16"), ("wav", "FLOAT"), ("flac", "PCM_16"), ("ogg", "VORBIS"), ("mp3", "MPEG_LAYER_III"))
LENGTHS_S = (3, 10, 30)
ROUNDS, READS, WARM = 5, 15, 3


def read_all(paths: list[Path], kib: int) -> list[float]:
    """The median milliseconds of each file, in a process that has read none before."""
    decode.BLOCK_VALUES = kib * 1024 // VALUE_BYTES
    return [statistics.median([read_ms(path) for _ in range(WARM + READS)][WARM:]) for path in paths]


def read_ms(path: Path) -> float:
    start = time.perf_counter()
    decode.load(path, 22050)
    return (time.perf_counter() - start) * 1e3


def main(arguments: list[str]) -> int:
    """0 where the first size is no slower than the last."""
    sizes = [int(kib) for kib in arguments] or [OURS_KIB, LARGE_KIB]
    kinds = [(length_s, kind, encoding) for length_s in LENGTHS_S for kind, encoding in FORMATS]
    with tempfile.TemporaryDirectory() as folder:
        sounds = {length_s: np.stack([noise(length_s, 44100, seed=seed) for seed in (1, 2)], axis=1) for length_s in LENGTHS_S}
        paths = [
            write(Path(folder) / f"{length_s}-{encoding}.{kind}", sounds[length_s], 44100, encoding) for length_s, kind, encoding in kinds
        ]
        rounds = []
        for _ in range(ROUNDS):
            with multiprocessing.get_context("spawn").Pool(1, maxtasksperchild=1) as pool:
                rounds.append([pool.apply(read_all, (paths, kib)) for kib in sizes])
    best = np.array(rounds).min(axis=0)  # [sizes, kinds]
    for (length_s, kind, encoding), taken in zip(kinds, best.T, strict=True):
        print(f"{length_s:2} s {kind:4} {encoding:14}", ", ".join(f"{kib} KiB {one:.2f} ms" for kib, one in zip(sizes, taken, strict=True)))
    ratios = best[0] / best[-1]
    mean = np.exp(np.log(ratios).mean())
    print(f"{sizes[0]} KiB take {mean:.2f} of {sizes[-1]} KiB's time, {ratios.min():.2f} to {ratios.max():.2f}; bar {BAR}")
    return int(mean > BAR)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
