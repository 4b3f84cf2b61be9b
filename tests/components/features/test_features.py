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
        inputs = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))(batch)
        (inputs * torch.linspace(0, 1, inputs.shape[-1])).sum().backward()  # the sum alone of a centred waveform is always 0

        assert torch.isfinite(batch.grad).all()
        assert batch.grad[1].abs().max() > 1e-3

    def test_full_precision_under_autocast(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        expected = feature(waveforms())
        with torch.autocast("cpu", torch.bfloat16):
            assert torch.equal(feature(waveforms()), expected)

    def test_an_item_does_not_depend_on_its_neighbours(self, name):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        torch.testing.assert_close(feature(waveforms())[1:2], feature(waveforms()[1:2]), atol=1e-4, rtol=0)

    @pytest.mark.parametrize("samples", [1, 399, 3001])
    def test_any_length(self, name, samples):
        feature = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))
        inputs = feature(waveforms()[:, :samples])

        assert len(inputs) == 4
        assert inputs.numel() > 0
        assert torch.isfinite(inputs).all()

    @pytest.mark.parametrize("rate", [8000, 16000, 44100, 48000])
    def test_any_usual_sample_rate(self, name, rate):
        if name in RATES:
            rate = RATES[name]
        feature = build(FEATURES, name, "feature", {}, sample_rate=rate)
        inputs = feature(waveforms())

        assert torch.isfinite(inputs).all()
        assert inputs.shape[-1] * feature.frame_s == pytest.approx(RATE / rate, abs=0.08)

    def test_silence_is_one_value_a_row(self, name):
        inputs = build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE))(waveforms())[0]
        assert torch.equal(inputs, inputs[..., :1].expand_as(inputs))

    def test_nothing_of_it_is_in_the_weight_file(self, name):
        assert not build(FEATURES, name, "feature", {}, sample_rate=RATES.get(name, RATE)).state_dict()


def waveforms():
    """Silence, noise, a faint sine, a full-scale sine: [4, time]."""
    time = torch.arange(RATE) / RATE
    sine = torch.sin(2 * torch.pi * 440 * time)
    noise = 0.1 * torch.randn(RATE, generator=torch.Generator().manual_seed(0))
    return torch.stack([torch.zeros(RATE), noise, 1e-4 * sine, sine])
