"""The page of before and after."""

import re

import numpy as np
import pytest
import torch

from components.augmentations import AUGMENTATIONS
from components.config import AugmentationConfig, FeatureConfig
from components.errors import ConfigError
from components.preview import all_sections, beside_it, page, window_of
from tests.fixtures.sounds import noise, silence, sine, write

RATE = 22050


def page_of(sections, configured=True):
    return page(beside_it(window_of(None, RATE, 1.0), RATE), sections, RATE, FeatureConfig(), "notes", configured)


def test_every_augmentation_has_an_article_a_picture_and_where_it_sounds_a_player(tmp_path):
    write(tmp_path / "room.wav", noise(1, RATE), RATE)
    html = page_of(all_sections(tmp_path), configured=False)

    assert re.findall('<article id="([A-Z_]+)">', html) == list(AUGMENTATIONS)
    assert html.count("data:image/png;base64,") == 1 + len(AUGMENTATIONS)
    assert html.count("data:audio/mpeg;base64,") == 12 + 1
    assert not re.search(r"(src|href)=.http", html)
    assert "% of items" not in html


def test_a_configurations_own_values_stand_on_the_page():
    html = page_of([AugmentationConfig(name="time-shift", probability=0.25, params={"max_shift_s": 0.7})])

    assert re.findall('<article id="([A-Z_]+)">', html) == ["TIME_SHIFT"]
    assert "reaches 25 % of items" in html
    assert "max_shift_s: 0.7" in html


def test_the_same_seed_gives_the_same_page():
    sections = [AugmentationConfig(name="PITCH"), AugmentationConfig(name="TIME_MASK")]

    assert page_of(sections) == page_of(sections)


def test_a_wrong_parameter_is_one_sentence():
    with pytest.raises(ConfigError, match="TIME_SHIFT has no parameter 'shift'"):
        page_of([AugmentationConfig(name="TIME_SHIFT", params={"shift": 1})])


def test_the_loudest_window_of_a_clip_is_taken(tmp_path):
    path = write(tmp_path / "clip.wav", np.concatenate([silence(2, RATE), sine(440, 1, RATE), silence(1, RATE)]), RATE)
    window = window_of(path, RATE, 1.0)

    assert len(window) == RATE
    assert window.square().mean().sqrt().item() == pytest.approx(0.5 / 2**0.5, rel=0.01)


def test_a_short_clip_is_filled_with_silence(tmp_path):
    window = window_of(write(tmp_path / "clip.wav", sine(440, 0.5, RATE), RATE), RATE, 1.0)

    assert len(window) == RATE
    assert torch.equal(window[RATE // 2 :], torch.zeros(RATE - RATE // 2))
