"""`timbre predict` on 100 clips of 10 s against decode plus a bare forward pass, and how long `timbre --help` takes.

The bar: predict is at least 0.8 as fast, from the first file opened to the last row; help is under 0.5 s.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import soundfile
import torch

from components.audio import cut, load, window_starts
from components.config import Config
from components.labels import IRMAS
from components.network import build_network
from components.tagger import Tagger, TaggerSettings, seal

CLIPS, SECONDS, RATE, ROUNDS = 100, 10, 44100, 3


def main() -> int:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        paths = [write(folder / f"{place}.wav", place) for place in range(CLIPS)]
        tagger = Tagger.open(sealed(folder / "tagger"))
        tagger.predict(paths[:8])  # warm
        ratios = []
        for _ in range(ROUNDS):
            bare_s, ours_s = timed(lambda: bare(tagger, paths)), timed(lambda: tagger.predict(paths))
            ratios.append(bare_s / ours_s)
            print(f"bare {CLIPS / bare_s:.0f} clips/s, predict {CLIPS / ours_s:.0f} clips/s, ratio {ratios[-1]:.2f}")
    timbre = Path(sys.executable).with_name("timbre")
    help_s = sorted(timed(lambda: subprocess.run([timbre, "--help"], check=True, capture_output=True)) for _ in range(5))[2]
    ratio = sorted(ratios)[ROUNDS // 2]
    print(f"predict: {ratio:.2f} of decode plus bare forward (bar 0.8); timbre --help: {help_s:.2f} s (bar 0.5)")
    return 0 if ratio >= 0.8 and help_s < 0.5 else 1


def bare(tagger: Tagger, paths: list[Path]) -> None:
    """Decode with both cores ahead of the network, which scores the windows of each clip at once."""
    settings, network = tagger.settings, tagger.network
    with ThreadPoolExecutor(2) as pool, torch.inference_mode():
        for clip in pool.map(lambda path: load(path, settings.sample_rate), paths):
            waveform = clip.waveform
            starts = window_starts(len(waveform), settings.window_samples, settings.hop_samples)
            network(torch.from_numpy(cut(waveform, starts, settings.window_samples))).sigmoid()


def timed(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def write(path: Path, seed: int) -> Path:
    soundfile.write(path, 0.1 * np.random.default_rng(seed).normal(size=(SECONDS * RATE, 2)), RATE)
    return path


def sealed(folder: Path, backbone: str = Config().model.name) -> Path:
    """A tagger folder with random weights."""
    config = Config()
    model = config.model.model_copy(update={"name": backbone, "pretrained": "none"})
    torch.manual_seed(0)
    network = build_network(config.feature, model, config.windows, config.audio.sample_rate, IRMAS)
    settings = TaggerSettings(
        name="bench",
        task=config.task,
        label_set=IRMAS,
        sample_rate=config.audio.sample_rate,
        windows=config.windows,
        feature=config.feature,
        model=model,
        thresholds=(0.5,) * len(IRMAS),
    )
    return seal(folder, network, settings)


if __name__ == "__main__":
    raise SystemExit(main())
