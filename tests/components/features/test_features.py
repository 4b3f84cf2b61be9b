"""Every feature on the menu keeps the contract."""

import pytest
import torch

from components.features import FEATURES
from components.menus import build
from components.model_input import ModelInputDataType

RATE = 22050
RATES = {"AISFX_MEL": 44100}  # of a feature that takes no other


@pytest.mark.parametrize("name", sorted(FEATURES))
class TestContract:
    def test_shape_dtype_and_finite_numbers(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        inputs = feature(waveforms())

        assert inputs.dtype == torch.float32
        assert torch.isfinite(inputs).all()
        if feature.kind is ModelInputDataType.IMAGE:
            assert inputs.dim() == 4
            assert inputs.shape[:2] == (4, feature.channels)
        else:
            assert inputs.dim() == 2
        for size, wanted in zip(inputs.shape[1:], feature.statistics_shape, strict=False):
            assert wanted in (1, size)
        assert feature.frame_s > 0

    def test_same_input_same_output_and_the_input_is_left_untouched(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        batch = waveforms()
        before = batch.clone()

        assert torch.equal(feature(batch), feature(batch))
        assert torch.equal(batch, before)

    def test_gradients_flow_to_the_waveform(self, name):
        batch = waveforms().requires_grad_()
        build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))(batch).sum().backward()

        assert torch.isfinite(batch.grad).all()
        assert batch.grad[1].abs().max() > 0

    def test_full_precision_under_autocast(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        expected = feature(waveforms())
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(feature(waveforms()), expected)

    def test_an_item_does_not_depend_on_its_neighbours(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        torch.testing.assert_close(feature(waveforms())[1:2], feature(waveforms()[1:2]), atol=1e-4, rtol=0)


def waveforms():
    """Silence, noise, a faint sine, a full-scale sine: [4, time]."""
    time = torch.arange(RATE) / RATE
    sine = torch.sin(2 * torch.pi * 440 * time)
    noise = 0.1 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    return torch.stack([torch.zeros(RATE), noise, 1e-4 * sine, sine])
