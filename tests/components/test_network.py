"""The network: waveform to logits, its statistics, and what does not fit together."""

import pytest
import torch

from components.config import FeatureConfig, ModelConfig, WindowConfig
from components.errors import ConfigError
from components.features import FEATURES
from components.labels import IRMAS, from_codes
from components.model_input import ModelInputDataType
from components.models import MODELS, SmallCnn
from components.network import Network, build_network

RATE = 22050


def made(labels=IRMAS, **sections):
    feature = sections.get("feature", FeatureConfig())
    model = sections.get("model", ModelConfig(params={"widths": (8, 8, 8)}))
    return build_network(feature, model, sections.get("windows", WindowConfig()), RATE, labels)


def noise(batch=4, level=0.1, seed=0):
    return level * torch.randn(batch, RATE, generator=torch.Generator().manual_seed(seed))


def test_windows_become_logits_and_embeddings():
    network = made(from_codes(["a", "b", "c"]))
    assert network(noise()).shape == (4, 3)
    assert network.embed(noise()).shape == (4, 8)
    assert network.backbone.width == 8


def test_logits_are_float32_and_near_under_bfloat16():
    network = made().eval()
    network.measure([noise()])
    expected = network(noise())
    with torch.autocast("cpu", torch.bfloat16):
        logits, embedding = network(noise()), network.embed(noise())

    assert logits.dtype == embedding.dtype == torch.float32
    torch.testing.assert_close(logits, expected, atol=0.05, rtol=0.05)


def test_gradients_reach_every_weight():
    network = made()
    torch.nn.init.normal_(network.head.attention.weight)
    network(noise()).square().sum().backward()

    assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in network.parameters())


def test_measured_statistics_make_bands_standard():
    network = made()
    network.measure([noise(3, seed=1), noise(2, seed=2)])  # batches of any size weigh by their windows
    inputs = network.transform(torch.cat([noise(3, seed=1), noise(2, seed=2)]))

    torch.testing.assert_close(inputs.mean(dim=(0, 3)), torch.zeros(1, 64), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std(dim=(0, 3), correction=0), torch.ones(1, 64), atol=1e-3, rtol=0)


def test_statistics_travel_with_the_weights():
    network, other = made(), made()
    network.measure([noise()])
    other.load_state_dict(network.state_dict())

    assert torch.equal(other.mean, network.mean)
    assert network.mean.abs().max() > 1


def test_bands_that_are_empty_in_training_do_not_blow_up_later():
    network = made()
    time = torch.arange(RATE) / RATE
    network.measure([torch.sin(2 * torch.pi * 200 * time)[None] * level for level in (0.1, 0.2, 0.3)])

    assert network.transform(noise()).abs().max() < 200
    network.measure([torch.zeros(2, RATE)])
    assert torch.equal(network.std, torch.ones_like(network.std))


PICTURES = [name for name in sorted(FEATURES) if FEATURES[name].kind is ModelInputDataType.IMAGE and name != "AISFX_MEL"]  # of 44.1 kHz


@pytest.mark.parametrize("name", PICTURES)
def test_a_network_learns_from_every_picture(name):
    network = made(from_codes(["a", "b"]), feature=FeatureConfig(name=name))
    network.measure([noise()])
    targets = torch.tensor([[0.0, 1.0]]).expand(4, 2)
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-2)
    losses = []
    for _ in range(3):
        loss = torch.nn.functional.binary_cross_entropy_with_logits(network(noise()), targets)
        losses.append(loss.item())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    assert losses[2] < losses[0]


def test_every_channel_has_statistics_of_its_own():
    network = made(feature=FeatureConfig(name="MULTI_SPECTROGRAM"))
    network.measure([noise(3, seed=1)])
    inputs = network.transform(noise(3, seed=1))

    assert network.mean.shape == network.std.shape == (3, 84, 1)
    torch.testing.assert_close(inputs.mean(dim=(0, 3)), torch.zeros(3, 84), atol=1e-4, rtol=0)
    torch.testing.assert_close(inputs.std(dim=(0, 3), correction=0), torch.ones(3, 84), atol=1e-3, rtol=0)


def test_the_floor_of_a_quiet_channel_is_its_own():
    class TwoUnits(torch.nn.Module):
        """A channel in thousands beside one in thousandths."""

        kind, channels, frame_s, statistics_shape = ModelInputDataType.IMAGE, 2, 0.1, (2, 1, 1)

        def forward(self, waveforms):
            return torch.stack([1000 * waveforms, 0.001 * waveforms], dim=1)[:, :, None]

    network = Network(TwoUnits(), SmallCnn(2, (8, 8, 8)), torch.nn.Identity(), torch.mean)
    network.measure([noise()])
    torch.testing.assert_close(network.transform(noise()).std(dim=(0, 2, 3)), torch.ones(2), atol=1e-3, rtol=0)


def test_a_waveform_reaches_a_backbone_of_waveforms(monkeypatch):
    class Strided(torch.nn.Conv1d):
        """[batch, time] -> [batch, 8, time / 400]."""

        accepts, width = ModelInputDataType.WAVEFORM, 8

        def __init__(self, in_channels):
            super().__init__(in_channels, 8, 400, stride=400)

        def forward(self, inputs):
            return super().forward(inputs[:, None])

    monkeypatch.setitem(MODELS, "STRIDED", Strided)
    network = made(feature=FeatureConfig(name="WAV2VEC"), model=ModelConfig(name="STRIDED"))
    network.measure([noise()])

    assert network.transform(noise()).shape == (4, 16000)
    assert network(noise()).shape == (4, 11)
    assert network.embed(noise()).shape == (4, 8)
    torch.testing.assert_close(network(5 * noise()), network(noise()), atol=1e-4, rtol=0)


def test_statistics_need_waveforms():
    with pytest.raises(ConfigError, match="at least one batch of waveforms"):
        made().measure([])


@pytest.mark.parametrize(("pooling", "expected"), [("mean", 0.4), ("MAX", 0.6), ("soft", 0.5)])
def test_pooling_is_named_by_the_windows_section(pooling, expected):
    network = made(windows=WindowConfig(pooling=pooling))
    assert network.pool(torch.tensor([[0.2], [0.6]])).item() == pytest.approx(expected)


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"feature": FeatureConfig(name="MEL_SPECTROGRAMM")}, "unknown feature 'MEL_SPECTROGRAMM' .did you mean 'MEL_SPECTROGRAM'"),
        ({"feature": FeatureConfig(params={"n_mel": 32})}, "MEL_SPECTROGRAM has no parameter 'n_mel'"),
        ({"model": ModelConfig(name="HUGE_CNN")}, "unknown model 'HUGE_CNN'.*SMALL_CNN"),
        ({"model": ModelConfig(head="NONE")}, "unknown head 'NONE'.*ATTENTION_HEAD, DEEP_HEAD, LINEAR"),
        ({"model": ModelConfig(head_params={"drop": 1})}, "head ATTENTION_HEAD has no parameter 'drop'"),
        ({"windows": WindowConfig(pooling="MEDIAN")}, "unknown pooling 'MEDIAN'.*MAX, MEAN, SOFT"),
    ],
)
def test_a_wrong_name_prints_the_menu(sections, said):
    with pytest.raises(ConfigError, match=said):
        made(**sections)


def test_a_feature_that_does_not_fit_the_model_is_refused(monkeypatch):
    monkeypatch.setattr(SmallCnn, "accepts", ModelInputDataType.WAVEFORM)
    with pytest.raises(ConfigError, match="SMALL_CNN takes WAVEFORM, but feature MEL_SPECTROGRAM gives IMAGE: choose a feature that fits"):
        made(model=ModelConfig())
