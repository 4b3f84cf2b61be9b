"""How long each feature takes for a batch of 32 windows of 3 s, against MEL_SPECTROGRAM's.

    python tests/benchmarks/bench_features.py [cpu | cuda]

Rounds go through all features in turns, so that a slow moment of the machine meets them alike; the best round of each counts, and a
ratio is of two times in one round, the median of all. The bar is what a feature may cost, in mel spectrograms; AST and WAV2VEC
include the resampling from 22,050 Hz to 16 kHz, and AISFX_MEL hears 44,100 Hz, the only rate that it takes.
"""

import statistics
import sys
import time
from collections.abc import Callable

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch
from torch import Tensor

from components.features import FEATURES
from components.features.aisfx_mel import SAMPLE_RATE as AISFX_RATE
from components.menus import build
from components.tagger.engine import find_device

WINDOWS, SECONDS, RATE, ROUNDS = 32, 3, 22050, 15
BARS = {"MEL_SPECTROGRAM": 1.0, "MFCC": 2.0, "MULTI_SPECTROGRAM": 15.0, "WAVELET": 20.0, "AST": 8.0, "WAV2VEC": 4.0, "AISFX_MEL": 4.0}
RATES = {"AISFX_MEL": AISFX_RATE}


@torch.inference_mode()
def main() -> int:
    """0 where every feature stays under its bar."""
    device = find_device(sys.argv[1] if len(sys.argv) > 1 else "auto")
    rates = {name: RATES.get(name, RATE) for name in FEATURES}
    waveforms = {name: 0.1 * torch.randn(WINDOWS, SECONDS * rate, device=device) for name, rate in rates.items()}
    features = {name: build(FEATURES, name, "feature", {}, sample_rate=rate).to(device) for name, rate in rates.items()}
    timed(features, waveforms)  # warm
    rounds = [timed(features, waveforms) for _ in range(ROUNDS)]
    over = []
    for name in features:
        best_ms = 1000 * min(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["MEL_SPECTROGRAM"] for one in rounds)
        over += [name] if ratio > BARS[name] else []
        print(f"{name:18} {best_ms:8.2f} ms   {ratio:5.2f} times mel, bar {BARS[name]:.1f}   {WINDOWS / best_ms * 1000:7.0f} windows/s")
    return int(bool(over))


def timed(features: dict[str, Callable[[Tensor], Tensor]], waveforms: dict[str, Tensor]) -> dict[str, float]:
    """Seconds of each feature."""
    took_s = {}
    for name, feature in features.items():
        start = time.perf_counter()
        feature(waveforms[name])
        if waveforms[name].is_cuda:
            torch.cuda.synchronize()
        took_s[name] = time.perf_counter() - start
    return took_s


if __name__ == "__main__":
    sys.exit(main())
