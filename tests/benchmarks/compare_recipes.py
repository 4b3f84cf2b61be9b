"""What a change of the recipe gives, over three seeds: on the sample's test songs, on songs of another seed, and on these in another room.

    timbre data render OTHER --seed 7
    python tests/benchmarks/compare_recipes.py OTHER [--only NAME...] [--steps 1600] [--out recipes.csv]

Every recipe is configs/sample.yaml but for what its line in RECIPES changes. A recipe and seed that OUT has is not trained again, so the
comparison can be interrupted, and several processes can share it with --only. The room is an artificial one, the same for all: an echo
that falls by 60 dB in 0.4 s at the loudness of the direct sound, a microphone that tilts by 12 dB from bass to treble, and pink noise
25 dB below.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import machine  # noqa: F401 # it settles threads and the path before what follows is loaded
import numpy as np
import numpy.typing as npt
import pandas as pd
import scipy.signal
import torch

from components.audio import Clip16, round16
from components.config import Config, load_config
from components.datasets import build_manifest
from components.evaluation.metrics import measure
from components.store import Store, build_store, open_store
from components.tagger import Tagger
from components.training import fit

ROOT = Path(__file__).parents[2]
MIXED = [
    {"name": "SUM_N_SAMPLES", "probability": 0.8},
    {"name": "TIME_SHIFT", "probability": 0.5},
    {"name": "TIME_MASK", "probability": 0.5},
    {"name": "FREQ_MASK", "probability": 0.5},
]
EQ = {"name": "SEVEN_BAND_EQ", "probability": 0.5}
PITCH = {"name": "PITCH", "probability": 0.3}


def _mixed(*before: dict[str, Any], **params: Any) -> dict[str, Any]:
    """The sample's augmentations, others before the mix, and parameters for the mix."""
    return {"training.augmentations": [*before, {**MIXED[0], "params": params}, *MIXED[1:]]}


RECIPES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "EQ and pitch of each source, averaged weights": {**_mixed(PITCH, EQ), "training.ema_decay": 0.999},
    "no mixing": {"training.augmentations": MIXED[1:]},
    "pitch of each source": _mixed(PITCH),
    "EQ of each source": _mixed(EQ),
    "averaged weights": {"training.ema_decay": 0.99},
    "up to 4 sources": _mixed(sum_n_samples=4),
    "sources 12 dB apart": _mixed(sum_level_db=12.0),
    "label smoothing 0.1": {"training.loss_params": {"label_smoothing": 0.1}},
    "focal loss": {"training.loss": "FOCAL_LOSS"},
    "family loss": {"training.loss": "INSTRUMENT_FAMILY_LOSS"},
    "noise": _mixed({"name": "COLOR_NOISE", "probability": 0.5}),
    "EQ of each source and noise": _mixed(EQ, {"name": "COLOR_NOISE", "probability": 0.5}),
    "EQ of each source, pitch, noise": _mixed(PITCH, EQ, {"name": "COLOR_NOISE", "probability": 0.5}),
    "tempo of each source": _mixed({"name": "TIME_STRETCH", "probability": 0.3}),
    "half as wide again": {"model.params": {"widths": [48, 72, 144, 192]}},
    "96 mel bands": {"feature.params": {"n_mels": 96}},
    "windows every 0.75 s": {"windows.hop_s": 0.75},
    "windows of 5 s": {"windows.length_s": 5.0, "windows.hop_s": 2.5},
    "windows pooled by maximum": {"windows.pooling": "MAX"},
}


def main() -> None:
    """Train what is missing, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path, help="a folder that `timbre data render` made of another seed")
    parser.add_argument("--only", nargs="*", default=list(RECIPES), metavar="NAME")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--steps", type=int, default=1600)
    parser.add_argument("--out", type=Path, default=Path("recipes.csv"))
    given = parser.parse_args()
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "2")))
    with tempfile.TemporaryDirectory() as name:
        stores = {"sample": _store(ROOT / "data/sample", Path(name)), "other": _store(given.other, Path(name))}
        for recipe in given.only:
            for seed in range(given.seeds):
                if (recipe, seed, given.steps) not in _known(given.out):
                    row = {"recipe": recipe, "seed": seed, "steps": given.steps, **_result(RECIPES[recipe], seed, given.steps, stores)}
                    _append(given.out, row)
                    print(pd.Series(row).to_string(), flush=True)
    print(_table(pd.read_csv(given.out)))


def _store(folder: Path, root: Path) -> Store:
    splits = {"train": [f"irmastrain:{folder}/train"], "val": [f"irmastest:{folder}/val"], "test": [f"irmastest:{folder}/test"]}
    config = load_config(ROOT / "configs/sample.yaml", {"data": splits})
    manifest = build_manifest(config.data, config.labels, config.audio).manifest
    return open_store(build_store(manifest, config.audio, root).ref, root)


def _result(changes: dict[str, Any], seed: int, steps: int, stores: dict[str, Store]) -> dict[str, float]:
    with tempfile.TemporaryDirectory() as name:
        tagger = Tagger.open(fit(_config(changes, seed, steps), stores["sample"], Path(name)))
    sample, other, found = stores["sample"], stores["other"].of("test"), {}
    for where, store in {"val": sample.of("val"), "test": sample.of("test"), "other": other}.items():
        found |= _scored(tagger, store, where, (store.clip(place) for place in range(len(store))))
    return found | _scored(tagger, other, "room", _in_a_room(other))


def _config(changes: dict[str, Any], seed: int, steps: int) -> Config:
    fixed = {"training.seed": seed, "training.max_steps": steps, "training.device": "cpu", "training.tensorboard": False}
    return load_config(ROOT / "configs/sample.yaml", {**fixed, **changes})


def _scored(tagger: Tagger, store: Store, where: str, clips: Iterator[Clip16]) -> dict[str, float]:
    scores = np.stack([one.clip for one in tagger.score_clips(clips)])
    values = measure(scores, *store.manifest.targets(), tagger.thresholds, tagger.label_set).values
    return {f"{where} F1": values["f1"], f"{where} mAP": values["mAP"]}


def _in_a_room(store: Store) -> Iterator[Clip16]:
    """The same clips through one artificial room and microphone."""
    random, rate = np.random.default_rng(0), store.sample_rate
    time_s = np.arange(int(0.4 * rate)) / rate
    echo = random.standard_normal(len(time_s)) * 10 ** (-3 * time_s / 0.4)
    impulse = np.concatenate([[1.0], echo / np.linalg.norm(echo)])
    for place in range(len(store)):
        clip = store.clip(place)
        heard = _tilted(scipy.signal.fftconvolve(clip.waveform, impulse)[: len(clip.waveform)], rate, -12.0)
        noise = _tilted(random.standard_normal(len(heard)), rate, None)
        noise *= np.sqrt(np.mean(heard**2) / np.mean(noise**2)) * 10 ** (-25 / 20)
        heard = heard + noise
        yield round16((heard / max(1.0, np.abs(heard).max())).astype(np.float32))


def _tilted(waveform: npt.NDArray[np.floating], rate: int, tilt_db: float | None) -> npt.NDArray[np.float64]:
    """A level that changes evenly with the octave from 60 Hz to the top, or as pink noise where no tilt is given."""
    spectrum, hz = np.fft.rfft(waveform), np.fft.rfftfreq(len(waveform), 1 / rate).clip(min=60)
    octaves = np.log2(hz / 60)
    slope_db = -3.0103 if tilt_db is None else tilt_db / octaves[-1]
    return np.fft.irfft(spectrum * 10 ** (slope_db * octaves / 20), n=len(waveform))


def _known(out: Path) -> set[tuple[str, int, int]]:
    return set(pd.read_csv(out)[["recipe", "seed", "steps"]].itertuples(index=False, name=None)) if out.exists() else set()


def _append(out: Path, row: dict[str, Any]) -> None:
    pd.DataFrame([row]).to_csv(out, mode="a", header=not out.exists(), index=False)


def _table(rows: pd.DataFrame) -> str:
    """Mean and deviation over the seeds."""
    by = rows.drop(columns="seed").groupby(["recipe", "steps"], sort=False)
    mean, deviation = by.mean(), by.std()
    return (mean.map("{:.3f}".format) + " ± " + deviation.map("{:.3f}".format)).to_markdown()


if __name__ == "__main__":
    main()
