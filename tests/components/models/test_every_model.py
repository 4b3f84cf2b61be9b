"""Every backbone with a feature that it takes and each head: a training step, sealed, opened and scored."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import ConfigError
from components.features import FEATURES
from components.labels import from_codes
from components.model_input import ModelInputDataType
from components.models import HEADS, MODELS, accepted_input
from components.network import build_network, check_network
from components.tagger import Tagger, TaggerSettings, seal
from tests.components.models.shrunk import SHRUNK

RATE, LABELS = 16000, from_codes(["low", "high"])
WINDOWS = WindowConfig(length_s=0.6, hop_s=0.6)


class Raw(nn.Module):
    """The waveform as it is."""

    kind, channels, frame_s, statistics_shape = ModelInputDataType.WAVEFORM, 1, 1 / RATE, ()

    def __init__(self, sample_rate: int) -> None:
        super().__init__()

    def forward(self, waveforms: Tensor) -> Tensor:
        return waveforms.clone()


@pytest.fixture
def features(monkeypatch):
    monkeypatch.setitem(FEATURES, "RAW", Raw)
    return FEATURES


def feature_for(name):
    """The one that the checkpoints of the backbone expect, else the plainest that fits."""
    own = {"AST": "AST", "WAV2VEC": "WAV2VEC", "WAV2VEC_CNN": "WAV2VEC"}.get(name)
    if own in FEATURES:
        return FeatureConfig(name=own)
    image = accepted_input(name) is ModelInputDataType.IMAGE
    return FeatureConfig(params={"n_mels": 32, "hop": 256}) if image else FeatureConfig(name="RAW")


@pytest.mark.parametrize("head", sorted(HEADS))
@pytest.mark.parametrize("name", sorted(MODELS))
@pytest.mark.usefixtures("features")
def test_a_step_sealed_opened_and_scored(name, head, tmp_path):
    feature, model = feature_for(name), ModelConfig(name=name, params=SHRUNK.get(name, {}), head=head)
    torch.manual_seed(0)
    network = build_network(feature, model, WINDOWS, RATE, LABELS)
    waveforms = 0.1 * torch.randn(2, round(RATE * WINDOWS.length_s))
    network.measure([waveforms])
    before = {key: weight.detach().clone() for key, weight in network.named_parameters() if weight.requires_grad}
    optimizer = torch.optim.AdamW([weight for weight in network.parameters() if weight.requires_grad], lr=1e-3)
    loss = nn.functional.binary_cross_entropy_with_logits(network(waveforms), torch.eye(2))
    loss.backward()
    optimizer.step()
    network.eval()
    settings = TaggerSettings(
        name=name, label_set=LABELS, sample_rate=RATE, windows=WINDOWS, feature=feature, model=model, thresholds=(0.5, 0.5)
    )
    tagger = Tagger.open(seal(tmp_path / "tagger", network, settings))
    scores = tagger.score_windows(waveforms[0].numpy())

    assert torch.isfinite(loss)
    after = dict(network.named_parameters())
    assert sum(not torch.equal(after[key], before[key]) for key in before) > 0.5 * len(before)
    with torch.inference_mode():
        np.testing.assert_allclose(scores, network(waveforms[:1]).sigmoid().numpy(), atol=1e-5)
    assert tagger.embed(waveforms[0].numpy(), RATE).shape == (network.backbone.width,)


@pytest.mark.usefixtures("features")
class TestChecksBeforeAnythingRuns:
    def check(self, model, feature="MEL_SPECTROGRAM", **params):
        check_network(FeatureConfig(name=feature), ModelConfig(name=model, **params), WINDOWS, RATE)

    def test_what_fits_passes_without_weights(self):
        self.check("CONVNEXT_LARGE", head="DEEP_HEAD")
        self.check("WAV2VEC_CNN", "RAW", pretrained="hub")

    def test_a_feature_that_does_not_fit_names_those_that_do(self):
        said = r"WAV2VEC takes WAVEFORM, but feature MEL_SPECTROGRAM gives IMAGE: choose a feature that fits .*RAW.*, or .* fits .*AST"
        with pytest.raises(ConfigError, match=said):
            self.check("WAV2VEC", pretrained="/nowhere")
        with pytest.raises(
            ConfigError, match=r"AST takes IMAGE, but feature RAW gives WAVEFORM: .* a model that fits .WAV2VEC, WAV2VEC_CNN."
        ):
            self.check("AST", "RAW")

    def test_a_head_and_its_parameters(self):
        with pytest.raises(ConfigError, match=r"unknown head 'DEEPHEAD' .did you mean 'DEEP_HEAD'"):
            self.check("SMALL_CNN", head="DEEPHEAD")
        with pytest.raises(ConfigError, match="head DEEP_HEAD has no parameter 'layers'; it takes: hidden, depth, dropout"):
            self.check("SMALL_CNN", head="DEEP_HEAD", head_params={"layers": 2})
