"""A copy of the project with a tiny data set of formulas, in which pipelines run for real."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import soundfile

ROOT = Path(__file__).parents[2]
CODE = ("components", "steps", "pipelines", "timbre", "training.py", "prediction.py", "pyproject.toml")
TONES_HZ = {"cel": 220.0, "flu": 880.0, "pia": 2200.0}
CONFIG = """
name: tones
labels: [cel, flu, pia]
data:
  train: ["irmastrain:data/train"]
  val: ["irmastest:data/val"]
  test: ["irmastest:data/test"]
windows: {length_s: 1.0, hop_s: 0.5}
model: {params: {widths: [8, 8]}}
training: {max_steps: 4, val_every_steps: 2, batch_size: 4, engine: torch}
evaluation: {bootstrap_rounds: 50, worst_clips: 2}
"""


@dataclass(frozen=True)
class Project:
    """A folder to run commands in, with its own store, registry and ZenML."""

    folder: Path
    environment: dict[str, str]

    def run(self, *command: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        result = subprocess.run(command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False)
        assert not check or result.returncode == 0, result.stdout + result.stderr
        return result

    def python(self, code: str) -> str:
        """What a fresh process of this project prints."""
        return self.run(sys.executable, "-W", "ignore", "-c", code).stdout


def write_tone(path: Path, frequencies_hz: list[float], seed: int, seconds: float = 2.0, sample_rate: int = 44100) -> None:
    """A stereo clip of sines in noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rng, time_s = np.random.default_rng(seed), np.arange(round(seconds * sample_rate)) / sample_rate
    tone = sum(np.sin(2 * np.pi * frequency * time_s + rng.uniform(0, 6)) for frequency in frequencies_hz)
    soundfile.write(path, 0.1 * np.stack([tone, 0.5 * tone], axis=1) + 0.003 * rng.normal(size=(len(time_s), 2)), sample_rate)


def write_data(folder: Path) -> None:
    """Three classes, four songs each in train; mixes of two in val and test."""
    codes = list(TONES_HZ)
    for label, frequency in TONES_HZ.items():
        for song in range(4):
            write_tone(folder / "train" / label / f"[{label}][cla]{song:04d}__1.wav", [frequency * (1 + 0.02 * song)], seed=song)
    for split, seed in (("val", 100), ("test", 200)):
        for song in range(6):
            pair = [codes[song % 3], codes[(song + 1) % 3]]
            path = folder / split / "Part1" / f"{split} {song}-1.wav"
            write_tone(path, [TONES_HZ[label] for label in pair], seed + song, seconds=2.5)
            path.with_suffix(".txt").write_text("".join(f"{label}\t\n" for label in pair))


@pytest.fixture(scope="module")
def project(bare_project: Project) -> Project:
    write_data(bare_project.folder / "data")
    (bare_project.folder / "configs").mkdir()
    (bare_project.folder / "configs" / "sample.yaml").write_text(CONFIG)
    return bare_project


@pytest.fixture(scope="module")
def bare_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """The code alone."""
    folder = tmp_path_factory.mktemp("project")
    for name in CODE:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    own = {
        "HOME": str(folder / "home"),
        "ZENML_CONFIG_PATH": str(folder / "zenml"),
        "ZENML_CUSTOM_SOURCE_ROOT": str(folder),  # `python -c` has no file beside which ZenML could look
        "ZENML_ANALYTICS_OPT_IN": "false",
        "PYTHONPATH": str(folder),
    }
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("TIMBRE_", "ZENML_"))}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return Project(folder, {**inherited, **own, "PATH": path})
