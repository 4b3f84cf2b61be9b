"""What would fail after minutes of work is refused before any clip is looked at."""

from typing import Any

import pytest

from components.config import load_config
from components.errors import ConfigError
from components.training.rehearse import rehearse

WAVEFORM = {"feature.name": "WAV2VEC", "model.name": "WAV2VEC_CNN", "model.params": {"width": 0.1}}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"model.name": "CONVNEXT_TINI"}, r"unknown model 'CONVNEXT_TINI' \(did you mean 'CONVNEXT_TINY'\?\)"),
        ({"model.head": "DEPP_HEAD"}, r"unknown head 'DEPP_HEAD' \(did you mean 'DEEP_HEAD'\?\)"),
        ({"feature.name": "WAV2VEC"}, r"model SMALL_CNN takes IMAGE, but feature WAV2VEC gives WAVEFORM: choose a feature that fits"),
        ({"labels": "IRMASS"}, r"unknown label set 'IRMASS'"),
        ({"training.loss": "CROSS"}, r"training.loss: unknown loss 'CROSS'"),
        ({"training.optimizer": "SGD"}, r"training.optimizer: unknown optimizer 'SGD'; choose one of: ADAM, ADAMW"),
        ({"training.scheduler": "STEP"}, r"training.scheduler: unknown scheduler 'STEP'"),
        ({"training.device": "tpux"}, r"training.device: unknown device 'tpux'"),
        ({"training.augmentations": [{"name": "PITSCH"}]}, r"training.augmentations: unknown augmentation 'PITSCH' \(did you mean 'PITCH'"),
        ({"training.augmentations": [{"name": "PITCH", "params": {"semis": 1}}]}, r"PITCH has no parameter 'semis'"),
        (
            {**WAVEFORM, "training.augmentations": [{"name": "FREQ_MASK"}]},
            r"FREQ_MASK changes a spectrogram, and feature WAV2VEC gives none: leave one of them out",
        ),
    ],
)
def test_it_says_what_does_not_fit(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rehearse(load_config(None, overrides))


@pytest.mark.parametrize("overrides", [{}, {**WAVEFORM, "training.augmentations": [{"name": "TIME_SHIFT"}]}])
def test_it_is_silent_where_all_fits(overrides: dict[str, Any]) -> None:
    rehearse(load_config(None, overrides))
