"""Taggers small enough to seal in a moment."""

import pytest
import torch

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.labels import from_codes
from components.network import build_network
from components.tagger import TaggerSettings, export_onnx, seal

RATE = 16000


@pytest.fixture(scope="session")
def settings():
    return TaggerSettings(
        name="small",
        label_set=from_codes(["low", "mid", "high"], "bands"),
        sample_rate=RATE,
        windows=WindowConfig(length_s=1.0, hop_s=0.4),
        feature=FeatureConfig(params={"n_mels": 32}),
        model=ModelConfig(params={"widths": [8, 16, 16]}),
        thresholds=(0.5, 0.25, 0.75),
        data_digest="d" * 64,
        code_version="0.1.0",
    )


@pytest.fixture(scope="session")
def network(settings):
    """Random weights whose scores differ from clip to clip."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(settings.feature, settings.model, settings.windows, settings.sample_rate, settings.label_set)
        noise = torch.logspace(-3, -0.5, 16)[:, None] * torch.randn(16, settings.window_samples)
        network.measure([noise])
        for weight in network.head.parameters():
            torch.nn.init.normal_(weight, std=0.5)
        with torch.no_grad():
            for _ in range(30):  # the batch norms learn what is usual
                network(noise)
    return network.eval()


@pytest.fixture
def sealed(network, settings, tmp_path):
    return seal(tmp_path / "small", network, settings)


@pytest.fixture(scope="session")
def exported(network, settings):
    return export_onnx(network, settings.window_samples)
