"""Each backbone on both engines: milliseconds a window of 3 s, one at a time and 32 in a batch, and how far the scores lie apart.

    python tests/benchmarks/bench_engines.py [NAME ...]

Full sizes, random weights, the default feature or the one that the backbone's checkpoints expect; each in a process of its own. The engines
take turns. There is no bar: `training.engine: auto` measures the trained tagger itself.
"""

import subprocess
import sys

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import torch

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.labels import IRMAS
from components.network import build_network
from components.tagger import TaggerSettings, export_onnx
from components.tagger.engine_choice import compare_engines
from components.tagger.onnx_export import noise

USUAL = ("SMALL_CNN", "MOBILENET_V3_LARGE", "CONVNEXT_TINY", "EFFICIENT_NET_V2_S", "RESNEXT50_32X4D")
FEATURE_OF = {"AISFX_CNN9": "AISFX_MEL", "AST": "AST", "WAV2VEC": "WAV2VEC", "WAV2VEC_CNN": "WAV2VEC"}
RATE_OF = {"AISFX_MEL": 44_100, "AST": 16_000, "WAV2VEC": 16_000}


def main(names: list[str]) -> int:
    print("| backbone | PyTorch, 1 | PyTorch, 32 | ONNX Runtime, 1 | ONNX Runtime, 32 | times as fast | scores differ by |")
    print("|---|--:|--:|--:|--:|--:|--:|", flush=True)
    for name in names or USUAL:
        row = subprocess.run([sys.executable, "-W", "ignore", __file__, "--one", name], capture_output=True, text=True, check=False)
        print(
            row.stdout.strip().splitlines()[-1] if row.returncode == 0 else f"| {name} | {row.stderr.strip().splitlines()[-1]} |",
            flush=True,
        )
    return 0


def measure(name: str) -> str:
    """A row of the table."""
    feature = FeatureConfig(name=FEATURE_OF.get(name, "MEL_SPECTROGRAM"))
    rate = RATE_OF.get(feature.name, 22_050)
    settings = TaggerSettings(
        name="bench", label_set=IRMAS, sample_rate=rate, windows=WindowConfig(), feature=feature, model=ModelConfig(name=name),
        thresholds=(0.5,) * len(IRMAS),
    )  # fmt: skip
    torch.manual_seed(0)
    network = build_network(feature, settings.model, settings.windows, rate, IRMAS)
    network.measure([torch.from_numpy(noise(8, settings.window_samples))])
    network.eval()
    table = compare_engines(network, settings, export_onnx(network, settings.window_samples))
    times = " | ".join(f"{ms:.2f}" for engine in ("torch", "onnx") for ms in table.ms_per_window[engine].values())
    return f"| {name} | {times} | {table.speedup:.2f} | {table.largest_difference:.0e} |"


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(measure(sys.argv[2]))
    else:
        raise SystemExit(main(sys.argv[1:]))
