"""Every YAML under configs/ loads, and every name in it fits its builder's signature."""

from pathlib import Path

import pytest
import torch

from components.augmentations import AUGMENTATIONS
from components.config import load_config
from components.datasets import parse, resolve_labels
from components.labels import from_codes
from components.losses import LOSSES
from components.menus import build, canonical
from components.network import build_network
from tests.components.models.shrunk import SHRUNK

CONFIGS = sorted(Path("configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_builds(path: Path) -> None:
    model = load_config(path).model
    small = {**SHRUNK.get(canonical(model.name), {}), **model.params}  # full sizes, and weights that are fetched, have tests of their own
    config = load_config(path, {"model.pretrained": "none", "model.params": small})
    own = config.labels == "CSV" and not config.data.train  # a configuration to which the user adds the data
    labels = from_codes(["a", "b"]) if own else resolve_labels(config.data, config.labels)
    network = build_network(config.feature, config.model, config.windows, config.audio.sample_rate, labels)
    window = torch.zeros(2, round(config.windows.length_s * config.audio.sample_rate))
    assert network.eval()(window).shape == (2, len(labels))
    known = {"task": config.task, "pos_weight": torch.ones(len(labels)), "families": [label.family for label in labels.labels]}
    build(LOSSES, config.training.loss, "loss", config.training.loss_params, **known)
    for chosen in config.training.augmentations:
        build(AUGMENTATIONS, chosen.name, "augmentation", chosen.params, sample_rate=config.audio.sample_rate, frame_s=0.02)
    for spec in (*config.data.train, *config.data.val, *config.data.test):
        parse(spec)


def test_there_are_configs() -> None:
    assert "sample" in {path.stem for path in CONFIGS}
