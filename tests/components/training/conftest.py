"""Three pitches as labels: a store that a few steps on a CPU learn."""

import csv
from pathlib import Path

import numpy as np
import pytest

from components.config import Config, DataConfig, load_config
from components.datasets import build_manifest
from components.store import Store, build_store, open_store
from tests.fixtures.sounds import noise, sine, write

RATE = 8000
PITCH_HZ = {"low": 220, "mid": 880, "high": 2600}


@pytest.fixture(scope="session")
def config() -> Config:
    """A network of 3,000 weights on windows of half a second."""
    return load_config(
        overrides={
            "name": "pitches",
            "labels": "CSV",
            "audio.sample_rate": RATE,
            "windows": {"length_s": 0.5, "hop_s": 0.25},
            "feature.params": {"n_fft": 256, "hop": 128, "n_mels": 24},
            "model.params": {"widths": [8, 8, 16]},
            "training": {
                "max_steps": 12,
                "val_every_steps": 5,
                "batch_size": 8,
                "lr": 1e-3,
                "lr_onecycle_max": 1e-2,
                "device": "cpu",
                "engine": "torch",
                "augmentations": [
                    {"name": "SUM_TWO_SAMPLES", "probability": 0.5},
                    {"name": "TIME_SHIFT", "params": {"max_shift_s": 0.1}},
                    {"name": "TIME_MASK", "params": {"time_mask_s": 0.1}},
                    {"name": "FREQ_MASK", "params": {"freq_mask_param": 3}},
                ],
            },
        }
    )


@pytest.fixture(scope="session")
def store(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """26 training clips of one pitch, 10 of one or two for validation, 2 for test; one label of one clip is unknown."""
    return _stored(config, _pitches(tmp_path_factory.mktemp("pitches")))


@pytest.fixture(scope="session")
def sparse(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """The same, where of most training clips one label or two are unknown."""
    return _stored(config, _pitches(tmp_path_factory.mktemp("sparse"), known_share=0.4))


def _stored(config: Config, table: Path) -> Store:
    manifest = build_manifest(DataConfig(train=(f"csv:{table}",)), config.labels, config.audio).manifest
    root = table.parent / "store"
    return open_store(build_store(manifest, config.audio, root).ref, root)


def _pitches(folder: Path, known_share: float | None = None) -> Path:
    rng = np.random.default_rng(0)
    rows = []
    for place in range(38):
        split = "train" if place < 26 else "val" if place < 36 else "test"
        names = {list(PITCH_HZ)[place % 3]} | ({list(PITCH_HZ)[rng.integers(3)]} if split != "train" else set())
        duration_s = 0.7 if split == "train" else 0.4 + 0.2 * (place % 5)
        waveform = noise(duration_s, RATE, seed=place, amplitude=0.01)
        for name in names:
            waveform += sine(PITCH_HZ[name] * rng.uniform(0.97, 1.03), duration_s, RATE, amplitude=0.2)
        write(folder / f"{place}.wav", waveform, RATE)
        truths = {name: int(name in names) for name in PITCH_HZ}
        if known_share is not None and split == "train":
            truths |= dict.fromkeys(rng.permutation(list(PITCH_HZ))[: rng.binomial(2, 1 - known_share)], "")
        elif place == 0:
            truths["high"] = ""
        rows.append({"file": f"{place}.wav", "split": split, **truths})
    with (folder / "pitches.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return folder / "pitches.csv"
