"""What augmentations take from the speed of training.

    python tests/benchmarks/bench_training_augmented.py

MOBILENET_V3_LARGE takes steps on batches of 10 s windows, forward, backward and optimizer, with TIME_STRETCH, TIME_SHIFT, PITCH and
FREQ_MASK, each at its default probability, and without, in turns. Each of the steps has its own draws and is taken once a round; its best
round counts. The bar: 0.7 of the clips a second without augmentations, 0.9 on a GPU.
"""

import sys
import time
from collections.abc import Callable

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch

from components.config import load_config
from components.labels import IRMAS
from components.losses import CrossEntropy
from components.network import build_network
from components.training.device import choose_device
from components.training.learner import Learner

RATE, LENGTH_S, ITEMS, STEPS, ROUNDS = 22050, 10, 16, 4, 5
AUGMENTATIONS = [{"name": name} for name in ("TIME_STRETCH", "TIME_SHIFT", "PITCH", "FREQ_MASK")]


def stepper(augmentations: list[dict[str, str]]) -> Callable[[int], float]:
    """A training of its own: takes the step of that number and gives its seconds."""
    config = load_config(
        overrides={"model.name": "MOBILENET_V3_LARGE", "windows.length_s": LENGTH_S, "training.augmentations": augmentations}
    )
    device = choose_device(config.training).device
    network = build_network(config.feature, config.model, config.windows, RATE, IRMAS)
    learner = Learner(network, CrossEntropy(), config.training, RATE, STEPS).to(device).train()
    optimizer = learner.configure_optimizers()
    waveforms = 0.1 * torch.randn(ITEMS, RATE * LENGTH_S, generator=torch.Generator().manual_seed(0))
    windows = [tensor.to(device) for tensor in (waveforms, torch.eye(ITEMS, len(IRMAS)), torch.ones(ITEMS, len(IRMAS)))]

    def step(number: int) -> float:
        start = time.perf_counter()
        optimizer.zero_grad()
        loss = learner.loss_of(tuple(windows), number)
        loss.backward()
        optimizer.step()
        if device.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    return step


def main() -> int:
    """0 where the bar is reached."""
    steppers = {"without": stepper([]), "augmented": stepper(AUGMENTATIONS)}
    for step in steppers.values():
        step(0)
    best = {side: [float("inf")] * STEPS for side in steppers}
    for _ in range(ROUNDS):
        for number in range(STEPS):
            for side, step in steppers.items():
                best[side][number] = min(best[side][number], step(number))

    speeds = {side: STEPS * ITEMS / sum(seconds) for side, seconds in best.items()}
    ratio, bar = speeds["augmented"] / speeds["without"], 0.9 if torch.cuda.is_available() else 0.7
    print(f"{speeds['without']:.1f} clips/s without augmentations, {speeds['augmented']:.1f} with: {ratio:.2f}, bar {bar}")
    return int(ratio < bar)


if __name__ == "__main__":
    sys.exit(main())
