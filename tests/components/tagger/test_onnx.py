"""The exported network: the same scores, any batch size, and a tagger that runs on it."""

import numpy as np
import pytest
import torch
from torch import nn

from components.config import FeatureConfig
from components.errors import TaggerError
from components.network import build_network
from components.tagger import Tagger, export_onnx, seal
from tests.components.tagger.conftest import RATE
from tests.fixtures.sounds import noise

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def exported(network, settings):
    return export_onnx(network, settings.window_samples)


def test_a_tagger_scores_alike_on_both_engines(exported, network, settings, tmp_path):
    on_torch = Tagger.open(seal(tmp_path / "torch", network, settings))
    on_onnx = Tagger.open(seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported))

    assert on_torch.about["engine"] == "torch"
    assert sorted(on_onnx.about["files"]) == ["model.onnx", "model.safetensors"]
    for seconds in (0.2, 1.0, 9.7):
        y = noise(seconds, RATE, seed=int(seconds), amplitude=0.2)
        np.testing.assert_allclose(on_onnx.score(y, RATE), on_torch.score(y, RATE), atol=1e-4)
        np.testing.assert_allclose(on_onnx.embed(y, RATE), on_torch.embed(y, RATE), atol=1e-6)


@pytest.mark.parametrize("name", ["MFCC", "WAVELET", "MULTI_SPECTROGRAM", "AST"])
def test_every_picture_is_exported(settings, name):
    """export_onnx compares the scores itself; AST resamples on the way."""
    torch.manual_seed(0)
    network = build_network(FeatureConfig(name=name), settings.model, settings.windows, 22050, settings.label_set)
    network.measure([torch.logspace(-3, -0.5, 8)[:, None] * torch.randn(8, 22050)])

    assert export_onnx(network, 22050)


def test_the_network_stays_as_it_was(exported, network):
    assert not network.training


def test_damaged_onnx_is_found(exported, network, settings, tmp_path):
    folder = seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), exported)
    (folder / "model.onnx").write_bytes(exported[:-1])
    with pytest.raises(TaggerError, match=r"model\.onnx is damaged"):
        Tagger.open(folder)


def test_what_is_no_model_is_refused(network, settings, tmp_path):
    folder = seal(tmp_path / "onnx", network, settings.model_copy(update={"engine": "onnx"}), b"nothing")
    with pytest.raises(TaggerError, match=r"model\.onnx does not load"):
        Tagger.open(folder)


def test_a_difference_is_refused(network, settings, monkeypatch):
    class Shifted(nn.Module):
        def forward(self, logits):
            return logits + (0.1 if not torch.compiler.is_exporting() else 0.0)

    monkeypatch.setattr(network, "classify", lambda inputs: Shifted()(type(network).classify(network, inputs)))
    with pytest.raises(TaggerError, match="ONNX and PyTorch scores differ by"):
        export_onnx(network, settings.window_samples)
