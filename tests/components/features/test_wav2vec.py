"""WAV2VEC: the numbers of transformers' extractor, at any rate."""

import numpy as np
import pytest
import torch

from components.features import Wav2Vec
from components.torch_builds import match_builds

RATE = 16000


def test_the_numbers_are_transformers():
    match_builds()
    from transformers import Wav2Vec2FeatureExtractor

    noise = (0.3 + 0.1 * np.random.default_rng(0).standard_normal((2, RATE))).astype(np.float32)
    expected = Wav2Vec2FeatureExtractor()(list(noise), sampling_rate=RATE, return_tensors="np")["input_values"]

    np.testing.assert_allclose(Wav2Vec(RATE)(torch.from_numpy(noise)), expected, atol=1e-4)


@pytest.mark.parametrize("rate", [16000, 22050, 44100])
def test_mean_0_and_variance_1_at_16_khz(rate):
    ours = Wav2Vec(rate)(0.3 + 0.01 * torch.randn(3, rate, generator=torch.Generator().manual_seed(0)))

    assert ours.shape == (3, RATE)
    torch.testing.assert_close(ours.mean(dim=-1), torch.zeros(3), atol=1e-4, rtol=0)
    torch.testing.assert_close(ours.square().mean(dim=-1), torch.ones(3), atol=1e-2, rtol=0)


def test_silence_stays_silence():
    assert Wav2Vec(22050)(torch.zeros(1, 22050)).abs().max() == 0
