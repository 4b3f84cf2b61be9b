"""Every pair of loss, optimizer, schedule and task trains, and a label of which nothing is known learns nothing."""

import csv
import itertools
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components.config import Config, DataConfig
from components.datasets import build_manifest
from components.losses import LOSSES
from components.network import build_network
from components.store import Store, build_store, open_store
from components.tagger import Tagger
from components.training import fit
from components.training.optimizers import OPTIMIZERS
from components.training.schedulers import SCHEDULERS
from tests.fixtures.sounds import sine, write

RATE = 8000
LABELS = ("cel", "vio", "tru", "pia")
NOBODY_KNOWS = LABELS.index("pia")
FIELDS = (sorted(LOSSES), sorted(OPTIMIZERS), sorted(SCHEDULERS), ["multiclass", "multilabel"])


def pairs(row: tuple[str, ...]) -> set[tuple[tuple[int, str], ...]]:
    return set(itertools.combinations(enumerate(row), 2))


def table() -> list[tuple[str, ...]]:
    """Rows of the full product, each the one with the most new pairs, until every pair is there."""
    everything = list(itertools.product(*FIELDS))
    missing = set().union(*map(pairs, everything))
    rows = []
    while missing:
        rows.append(max(everything, key=lambda row: len(pairs(row) & missing)))
        missing -= pairs(rows[-1])
    return rows


@pytest.fixture(scope="module")
def store(config: Config, tmp_path_factory: pytest.TempPathFactory) -> Store:
    """18 tones of three pitches, each with one label; the CSV knows nothing of pianos."""
    folder = tmp_path_factory.mktemp("tones")
    with (folder / "tones.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["file", "split", *LABELS[:3]])
        for place in range(18):
            write(folder / f"{place}.wav", sine((220, 880, 2600)[place % 3] * (1 + place / 500), 0.6, RATE), RATE)
            writer.writerow([f"{place}.wav", "train" if place < 12 else "val", *(int(place % 3 == label) for label in range(3))])
    manifest = build_manifest(DataConfig(train=(f"csv:{folder / 'tones.csv'}",)), LABELS, config.audio, task="multiclass").manifest
    return open_store(build_store(manifest, config.audio, folder / "store").ref, folder / "store")


def test_the_table_holds_every_pair() -> None:
    rows = table()
    assert set().union(*map(pairs, rows)) == set().union(*map(pairs, itertools.product(*FIELDS)))
    assert len(rows) <= 1.5 * len(LOSSES) * len(SCHEDULERS)


@pytest.mark.parametrize(("loss", "optimizer", "scheduler", "task"), table())
def test_a_combination_trains(config: Config, store: Store, tmp_path: Path, loss: str, optimizer: str, scheduler: str, task: str) -> None:
    section = {"loss": loss, "optimizer": optimizer, "scheduler": scheduler, "weight_decay": 0.0, "max_steps": 2, "val_every_steps": 1}
    section |= {"augmentations": (), "weighted_sampler": True, "scheduler_params": {"test_steps": 20} if scheduler == "AUTO_LR" else {}}
    changed = config.model_copy(update={"task": task, "labels": LABELS, "training": config.training.model_copy(update=section)})
    with torch.random.fork_rng():
        torch.manual_seed(config.training.seed)
        before = build_network(config.feature, config.model, config.windows, RATE, store.manifest.label_set).state_dict()
    folder = fit(changed, store, tmp_path)
    after = load_file(folder / "model.safetensors")
    moved = (after["head.score.weight"] != before["head.score.weight"]).flatten(1).any(dim=1).tolist()
    assert moved == [place != NOBODY_KNOWS for place in range(len(LABELS))]
    tagger = Tagger.open(folder)
    total = tagger.score(store.waveform(0), RATE).sum()
    assert (total == pytest.approx(1, abs=1e-5)) == (task == "multiclass")
