"""What would fail after minutes of work is refused before any clip is looked at."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from components.augmentations import AUGMENTATIONS
from components.config import load_config
from components.errors import ConfigError
from components.features import FEATURES
from components.losses import LOSSES
from components.model_input import ModelInputDataType
from components.models import HEADS, MODELS, accepted_input
from components.training.optimizers import OPTIMIZERS
from components.training.range_test import RangeTest
from components.training.rehearse import rehearse
from components.training.schedulers import SCHEDULERS
from tests.components.models.shrunk import SHRUNK
from tests.fixtures.sounds import noise, write

WAVEFORM = {"feature.name": "WAV2VEC", "model.name": "WAV2VEC_CNN", "model.params": {"width": 0.1}}


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ({"model.name": "CONVNEXT_TINI"}, r"unknown model 'CONVNEXT_TINI' \(did you mean 'CONVNEXT_TINY'\?\)"),
        ({"model.head": "DEPP_HEAD"}, r"unknown head 'DEPP_HEAD' \(did you mean 'DEEP_HEAD'\?\)"),
        ({"feature.name": "WAV2VEC"}, r"model SMALL_CNN takes IMAGE, but feature WAV2VEC gives WAVEFORM: choose a feature that fits"),
        ({"model.pretrained": "nowhere.safetensors"}, r"no pretrained weights at nowhere.safetensors: pretrained takes hub"),
        ({"labels": "IRMASS"}, r"unknown label set 'IRMASS'"),
        ({"training.loss": "CROSS"}, r"training.loss: unknown loss 'CROSS'"),
        ({"training.optimizer": "SGD"}, r"training.optimizer: unknown optimizer 'SGD'; choose one of: ADAM, ADAMW"),
        ({"training.scheduler": "STEP"}, r"training.scheduler: unknown scheduler 'STEP'"),
        ({"training.device": "tpux"}, r"training.device: unknown device 'tpux'"),
        ({"training.augmentations": [{"name": "PITSCH"}]}, r"training.augmentations: unknown augmentation 'PITSCH' \(did you mean 'PITCH'"),
        ({"training.augmentations": [{"name": "PITCH", "params": {"semis": 1}}]}, r"PITCH has no parameter 'semis'"),
        ({"training.optimizer_params": {"beta1": 2}}, r"training.optimizer: Invalid beta parameter"),
        ({"training.scheduler": "PLATEAU", "training.scheduler_params": {"factor": 2}}, r"training.scheduler: scheduler PLATEAU: factor 2"),
        (
            {"training.scheduler": "auto-lr", "training.scheduler_params": {"test_steps": 3}},
            r"training.scheduler: scheduler AUTO_LR: low",
        ),
        ({"training.metric_mode": "MIN"}, r"training.metric_mode MIN would keep the worst tagger: VAL_F1 gets better towards MAX"),
        ({"training.head_after": "clasifier"}, r"training.head_after: this model has no layer 'clasifier' \(did you mean 'classifier'"),
        (
            {"model.name": "CONVNEXT_TINY", "training.backbone_after": "layer3.2"},
            r"training.backbone_after: this model has no layer 'layer3.2'.*; its layers are: stem, .*stages.2, .*stages.3, .*classifier$",
        ),
        (
            {**WAVEFORM, "training.augmentations": [{"name": "FREQ_MASK"}]},
            r"FREQ_MASK changes a spectrogram, and feature WAV2VEC gives a waveform: leave it out, by naming the others after --augm",
        ),
    ],
)
def test_it_says_what_does_not_fit(overrides: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        rehearse(load_config(None, overrides))


@pytest.mark.parametrize("overrides", [{}, {**WAVEFORM, "training.augmentations": [{"name": "TIME_SHIFT"}]}])
def test_it_is_silent_where_all_fits(overrides: dict[str, Any]) -> None:
    rehearse(load_config(None, overrides))


def feature_for(model: str) -> dict[str, Any]:
    feature = "WAV2VEC" if accepted_input(model) is ModelInputDataType.WAVEFORM else "MEL_SPECTROGRAM"
    return {"feature.name": feature, "model.name": model, "model.params": SHRUNK.get(model, {})}


@pytest.mark.parametrize("model", sorted(MODELS))
def test_classifier_names_the_head_of_every_backbone(model: str) -> None:
    classifier = {"training.head_after": "classifier", "training.backbone_after": "classifier"}
    rehearse(load_config(None, {**feature_for(model), **classifier}))


def test_a_block_of_resnext_may_be_named() -> None:
    rehearse(load_config(None, {"model.name": "RESNEXT50_32X4D", "training.backbone_after": "layer3.2"}))


FROM_THE_RUN = (
    "sample_rate frame_s in_channels num_labels pretrained task pos_weight families groups optimizer steps lr lr_max val_every_steps metric"
)


def settable(builder: Callable[..., Any]) -> Iterator[str]:
    return (key for key in inspect.signature(builder).parameters if key not in FROM_THE_RUN.split())


def parts() -> Iterator[tuple[dict[str, Any], str, str]]:
    """For each parameter of each part on each menu: the configuration that chooses the part, where its parameters stand, and the name."""
    for name, feature in FEATURES.items():
        yield from (({"feature.name": name, "model.name": "AST"}, "feature.params", key) for key in settable(feature))
    for name, model in MODELS.items():
        yield from ((feature_for(name), "model.params", key) for key in settable(model))
    for name, head in HEADS.items():
        yield from (({"model.head": name}, "model.head_params", key) for key in settable(head) if key != "width")
    for name, loss in LOSSES.items():
        yield from (({"training.loss": name}, "training.loss_params", key) for key in settable(loss))
    for name, optimizer in OPTIMIZERS.items():
        yield from (({"training.optimizer": name}, "training.optimizer_params", key) for key in settable(optimizer))
    for name, scheduler in {**SCHEDULERS, "AUTO_LR": RangeTest}.items():
        yield from (({"training.scheduler": name}, "training.scheduler_params", key) for key in settable(scheduler))


@pytest.mark.parametrize(("chosen", "where", "key"), list(parts()))
def test_a_parameter_of_another_type_is_named(chosen: dict[str, Any], where: str, key: str) -> None:
    wrong = 3 if key == "options" else {"a": 1}
    with pytest.raises(ConfigError, match=rf": {key} must be .+, got .+: change it"):
        rehearse(load_config(None, {**chosen, where: {key: wrong}}))


@pytest.mark.parametrize(("name", "key"), [(name, key) for name, builder in AUGMENTATIONS.items() for key in settable(builder)])
def test_an_augmentations_parameter_of_another_type_is_named(name: str, key: str, tmp_path: Path) -> None:
    write(tmp_path / "hiss.wav", noise(0.2, 8000), 8000)
    params = {"noise_folder": str(tmp_path)} if name == "BACKGROUND_NOISE" else {}
    wrong = {"training.augmentations": [{"name": name, "params": {**params, key: {"a": 1}}}]}
    with pytest.raises(ConfigError, match=rf"training.augmentations: \w+: .*{key}.*\{{'a': 1\}}"):
        rehearse(load_config(None, wrong))
