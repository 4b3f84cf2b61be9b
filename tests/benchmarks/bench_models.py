"""Every backbone in its full size: parameters, clips of 10 s a second forward, and peak memory; on the GPU where there is one.

    python tests/benchmarks/bench_models.py [NAME ...]

Each backbone is measured in a process of its own. Memory is what a batch of four clips needs beyond the process before the network was
made: anonymous memory on a CPU, allocated memory on a GPU. MOBNET has the 11 labels of IRMAS. There is no bar: the table is for choosing.
"""

import subprocess
import sys
import threading
import time
from pathlib import Path

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch

from components.labels import IRMAS
from components.model_input import ModelInputDataType
from components.models import MODELS, accepted_input, build_backbone

CLIP_S, BATCH, AT_LEAST_S = 10, 4, 3.0
RATE = 16_000  # of waveforms
SHAPES = {"AST": (1, 128, 998)}  # frames of 10 ms, as in its checkpoints
PICTURE = (1, 64, 431)  # the default mel spectrogram, frames of 23 ms
MIB = 2**20


def main(names: list[str]) -> int:
    print("| backbone | parameters | clips/s | peak memory |\n|---|--:|--:|--:|", flush=True)
    for name in names or sorted(MODELS):
        row = subprocess.run([sys.executable, __file__, "--one", name], capture_output=True, text=True, check=False)
        print(row.stdout.strip() or f"| {name} | failed: {row.stderr.strip().splitlines()[-1:]} |", flush=True)
    return 0


def measure(name: str) -> str:
    """A row of the table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    image = accepted_input(name) is ModelInputDataType.IMAGE
    inputs = torch.randn(BATCH, *(SHAPES.get(name, PICTURE) if image else (CLIP_S * RATE,)), device=device)
    build_backbone(name, {}, **known("meta"))  # libraries are loaded before memory is counted
    with Peak(device) as peak, torch.inference_mode():
        backbone = build_backbone(name, {}, **known(device.type)).to(device).eval()
        clips_per_s = speed(backbone, inputs, device)
    parameters = sum(weight.numel() for weight in backbone.parameters())
    return f"| {name} | {parameters / 1e6:.1f} M | {clips_per_s:.3g} | {peak.mib:.0f} MiB |"


def known(device: str) -> dict[str, object]:
    torch.set_default_device("meta" if device == "meta" else "cpu")
    return {"in_channels": 1, "num_labels": len(IRMAS), "pretrained": "none"}


def speed(backbone: torch.nn.Module, inputs: torch.Tensor, device: torch.device) -> float:
    backbone(inputs)  # warm
    began, clips = time.perf_counter(), 0
    while time.perf_counter() - began < AT_LEAST_S:
        backbone(inputs)
        clips += len(inputs)
        if device.type == "cuda":
            torch.cuda.synchronize()
    return clips / (time.perf_counter() - began)


class Peak:
    """The most memory that was held inside the block, beyond what was held before."""

    def __init__(self, device: torch.device) -> None:
        self.gpu = device.type == "cuda"
        self.mib = 0.0

    def __enter__(self) -> "Peak":
        self.before = self.highest = torch.cuda.memory_allocated() if self.gpu else anonymous()
        if self.gpu:
            torch.cuda.reset_peak_memory_stats()
        self.done = threading.Event()
        self.thread = threading.Thread(target=self.watch, daemon=True)
        self.thread.start()
        return self

    def watch(self) -> None:
        while not self.gpu and not self.done.wait(0.005):
            self.highest = max(self.highest, anonymous())

    def __exit__(self, *error: object) -> None:
        self.done.set()
        self.thread.join()
        self.highest = torch.cuda.max_memory_allocated() if self.gpu else self.highest
        self.mib = (self.highest - self.before) / MIB


def anonymous() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(sys.argv[2]))
    else:
        raise SystemExit(main(sys.argv[1:]))
