"""What augmentations cost, against the network that they feed and against librosa.

    python tests/benchmarks/bench_augmentations.py

A batch of 10 s windows goes through all sixteen, one after the other, each reaching every item, and through MOBILENET_V3_LARGE, forward and
backward, in turns; the best of the rounds counts. The bars: all together cost less than the network, TIME_STRETCH and PITCH each at most
half of it, and each of these two takes at most half of librosa's time for a clip (on a CPU).
"""

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import librosa
import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch

from components.augmentations import AUGMENTATIONS, Batch, Chance
from components.config import load_config
from components.labels import IRMAS
from components.menus import build
from components.network import build_network
from tests.fixtures.sounds import noise, write

RATE, LENGTH_S, ITEMS, ROUNDS = 22050, 10, 8, 4
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"


def seconds(work: Callable[[], object]) -> float:
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    start = time.perf_counter()
    work()
    if DEVICE == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


def main() -> int:
    """0 where every bar is reached."""
    config = load_config(overrides={"model.name": "MOBILENET_V3_LARGE", "windows.length_s": LENGTH_S})
    network = build_network(config.feature, config.model, config.windows, RATE, IRMAS).to(DEVICE).train()
    with tempfile.TemporaryDirectory() as name:
        write(Path(name) / "room.wav", noise(30, RATE), RATE)
        chances = {
            kind: Chance(
                build(AUGMENTATIONS, kind, "augmentation", {"noise_folder": name} if kind == "BACKGROUND_NOISE" else {},
                      sample_rate=RATE, frame_s=network.feature.frame_s), 1.0)
            for kind in AUGMENTATIONS
        }  # fmt: skip
    waveforms = 0.1 * torch.randn(ITEMS, RATE * LENGTH_S, generator=torch.Generator().manual_seed(0)).to(DEVICE)
    targets, mask = torch.eye(ITEMS, len(IRMAS), device=DEVICE), torch.ones(ITEMS, len(IRMAS), device=DEVICE)
    with torch.no_grad():
        inputs = {"waveform": waveforms, "spectrogram": network.transform(waveforms)}
    batches = {kind: Batch(inputs[chance.augmentation.stage], targets, mask) for kind, chance in chances.items()}
    clip = waveforms[0].cpu().numpy()

    work: dict[str, Callable[[], object]] = {
        "network": lambda: network(waveforms).square().mean().backward(),
        "librosa TIME_STRETCH": lambda: librosa.effects.time_stretch(clip, rate=0.93),
        "librosa PITCH": lambda: librosa.effects.pitch_shift(clip, sr=RATE, n_steps=1.3),
    }
    for kind, chance in chances.items():
        work[kind] = lambda chance=chance, batch=batches[kind]: chance(batch, torch.Generator().manual_seed(0))
    for each in work.values():
        each()
    best = dict.fromkeys(work, float("inf"))
    for _ in range(ROUNDS):
        for kind, each in work.items():
            best[kind] = min(best[kind], seconds(each))

    for kind in AUGMENTATIONS:
        print(f"{kind:22} {best[kind] / ITEMS * 1e3:6.2f} ms a clip, {best[kind] / best['network']:.3f} of the network")
    together = sum(best[kind] for kind in AUGMENTATIONS) / best["network"]
    print(f"network, forward and backward: {best['network'] / ITEMS * 1e3:.1f} ms a clip on {DEVICE}")
    print(f"all sixteen: {together:.2f} of the network, bar 1")
    ok = together < 1
    for kind in ("TIME_STRETCH", "PITCH"):
        share, faster = best[kind] / best["network"], best[f"librosa {kind}"] / (best[kind] / ITEMS)
        print(f"{kind}: {share:.2f} of the network, bar 0.5; {faster:.1f} times as fast as librosa, bar 2")
        ok = ok and share <= 0.5 and faster >= 2
    return int(not ok)


if __name__ == "__main__":
    sys.exit(main())
