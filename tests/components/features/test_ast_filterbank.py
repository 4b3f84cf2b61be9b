"""AST: the numbers of transformers' extractor, at any rate."""

import math

import numpy as np
import pytest
import soxr
import torch

from components.errors import ConfigError
from components.features import AstFilterbank
from components.torch_builds import match_builds

RATE = 16000


@pytest.fixture(scope="module")
def extractor():
    match_builds()
    from transformers import ASTFeatureExtractor

    return ASTFeatureExtractor()


def sounds(samples):
    """A quiet noise and a loud chord: [2, time]."""
    noise = 0.01 * np.random.default_rng(0).standard_normal(samples)
    chord = sum(0.3 * np.sin(2 * np.pi * hertz * np.arange(samples) / RATE) for hertz in (220, 277, 330))
    return np.stack([noise, chord]).astype(np.float32)


@pytest.mark.parametrize("samples", [400, 24_000, 170_000])
def test_the_numbers_are_transformers(extractor, samples):
    expected = extractor(list(sounds(samples)), sampling_rate=RATE, return_tensors="np")["input_values"].transpose(0, 2, 1)
    ours = AstFilterbank(RATE)(torch.from_numpy(sounds(samples)))[:, 0]
    filled = AstFilterbank(RATE, n_frames=1024)(torch.from_numpy(sounds(samples)))[:, 0]

    assert ours.shape == (2, 128, 1 + (samples - 400) // 160)
    # Where pure tones leave a band empty, both round noise near the floor: 1e-3 is 0.04 dB.
    np.testing.assert_allclose(ours[..., :1024], expected[..., : ours.shape[-1]], atol=1e-3)
    np.testing.assert_allclose(filled, expected, atol=1e-3)


def test_silence_is_kaldis_floor():
    expected = (math.log(torch.finfo(torch.float32).eps) + 4.2677393) / (2 * 4.5689974)
    assert AstFilterbank(RATE)(torch.zeros(1, RATE)).unique().item() == pytest.approx(expected)


def test_a_constant_is_silence():
    torch.testing.assert_close(AstFilterbank(RATE)(torch.full((1, RATE), 0.25)), AstFilterbank(RATE)(torch.zeros(1, RATE)))


def test_a_frame_lies_on_its_time():
    click = torch.zeros(1, RATE)
    click[0, 50 * 160 + 200] = 1.0
    assert AstFilterbank(RATE)(click)[0, 0].sum(dim=0).argmax().item() == 50


def test_another_rate_is_resampled():
    at_44k = soxr.resample(sounds(RATE)[1], RATE, 44100, "VHQ")
    ours = AstFilterbank(44100)(torch.from_numpy(at_44k)[None])[0, 0, :, 10:-10]
    expected = AstFilterbank(RATE)(torch.from_numpy(sounds(RATE)[1])[None])[0, 0, :, 10:-10]
    heard = expected > 0  # the chord, not what lies 60 dB below it

    assert heard.any()
    torch.testing.assert_close(ours[heard], expected[heard], atol=0.01, rtol=0)


def test_no_frames_are_refused():
    with pytest.raises(ConfigError, match=r"feature\.params: n_frames 0 must be above 0"):
        AstFilterbank(RATE, n_frames=0)
