"""Every YAML under configs/ loads, and every name in it fits its builder's signature."""

from pathlib import Path

import pytest
import torch

from components.augmentations import AUGMENTATIONS
from components.config import load_config
from components.datasets import parse, resolve_labels
from components.losses import LOSSES
from components.menus import build
from components.network import build_network

CONFIGS = sorted(Path("configs").glob("*.yaml"))


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_a_config_builds(path: Path) -> None:
    config = load_config(path)
    labels = resolve_labels(config.data, config.labels)
    model = config.model.model_copy(update={"pretrained": "none"})  # which would have to be fetched first
    network = build_network(config.feature, model, config.windows, config.audio.sample_rate, labels)
    window = torch.zeros(2, round(config.windows.length_s * config.audio.sample_rate))
    assert network.eval()(window).shape == (2, len(labels))
    build(LOSSES, config.training.loss, "loss", config.training.loss_params, pos_weight=torch.ones(len(labels)))
    for chosen in config.training.augmentations:
        build(AUGMENTATIONS, chosen.name, "augmentation", chosen.params, sample_rate=config.audio.sample_rate, frame_s=0.02)
    for spec in (*config.data.train, *config.data.val, *config.data.test):
        parse(spec)


def test_there_are_configs() -> None:
    assert "sample" in {path.stem for path in CONFIGS}
