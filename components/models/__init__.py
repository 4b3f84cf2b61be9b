"""The menu of backbones (`SupportedModels`): model input -> features over time."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from components.config_texts import AISFX, SOURCES
from components.errors import ConfigError
from components.menus import build, canonical, nearest
from components.model_input import ModelInputDataType
from components.models.aisfx import AisfxCnn9, attribution_text, find_aisfx
from components.models.audioset import start_head
from components.models.contract import Backbone, Head
from components.models.heads import HEADS
from components.models.mobnet import MobNet
from components.models.pooling import POOLINGS
from components.models.pretrained import find_weights
from components.models.projection import DIMENSIONS, projection
from components.models.small_cnn import SmallCnn
from components.models.spectrogram_transformer import SpectrogramTransformer
from components.models.timm_backbone import TimmBackbone
from components.models.wav2vec import Wav2Vec, Wav2VecCnn
from components.torch_builds import match_builds

MODELS: dict[str, Callable[..., Backbone]] = {
    "AISFX_CNN9": AisfxCnn9,
    "AST": SpectrogramTransformer,
    "CONVNEXT_BASE": partial(TimmBackbone, "convnext_base"),
    "CONVNEXT_LARGE": partial(TimmBackbone, "convnext_large"),
    "CONVNEXT_SMALL": partial(TimmBackbone, "convnext_small"),
    "CONVNEXT_TINY": partial(TimmBackbone, "convnext_tiny"),
    "EFFICIENT_NET_V2_L": partial(TimmBackbone, "tf_efficientnetv2_l"),
    "EFFICIENT_NET_V2_M": partial(TimmBackbone, "tf_efficientnetv2_m"),
    "EFFICIENT_NET_V2_S": partial(TimmBackbone, "tf_efficientnetv2_s"),
    "MOBILENET_V3_LARGE": partial(TimmBackbone, "mobilenetv3_large_100"),
    "MOBNET": MobNet,
    "RESNEXT101_32X8D": partial(TimmBackbone, "resnext101_32x8d"),
    "RESNEXT101_64X4D": partial(TimmBackbone, "resnext101_64x4d"),
    "RESNEXT50_32X4D": partial(TimmBackbone, "resnext50_32x4d"),
    "SMALL_CNN": SmallCnn,
    "WAV2VEC": Wav2Vec,
    "WAV2VEC_CNN": Wav2VecCnn,
}


def find_model(name: str) -> Callable[..., Backbone]:
    """The builder of a backbone on the menu, or of any other network that timm knows by this name.

    Raises:
        ConfigError: if there is none; it names the nearest and prints the menu.
    """
    if (key := canonical(name)) in MODELS:
        return MODELS[key]
    match_builds()
    import timm  # takes seconds, and no name on the menu needs it yet

    if timm.is_model(plain := name.strip().lower().replace("-", "_")):
        return partial(TimmBackbone, plain)
    near = nearest(key, [*MODELS, *map(canonical, timm.list_models())])
    raise ConfigError(f"unknown model {name!r}{near}; choose one of: {', '.join(sorted(MODELS))}, or any name of timm's")


def accepted_input(name: str) -> ModelInputDataType:
    """What the backbone takes, without making it.

    Raises:
        ConfigError: if there is no such backbone.
    """
    builder = find_model(name)
    kind: ModelInputDataType = getattr(builder.func if isinstance(builder, partial) else builder, "accepts")  # noqa: B009 # mypy sees a callable only
    return kind


def build_backbone(name: str, params: Mapping[str, Any], **context: Any) -> Backbone:
    """Make a backbone of the menu or of timm's.

    Args:
        params: the user's.
        context: in_channels, num_labels and pretrained; those that the backbone does not take are dropped.
    Raises:
        ConfigError: if the name or a parameter is unknown, or the pretrained weights cannot be had.
    """
    return build({canonical(name): find_model(name)}, name, "model", params, **context)


def attribution(pretrained: str) -> str | None:
    """What must be said of the weights that a model started from, where their licence asks for it."""
    return attribution_text() if pretrained == AISFX else None


def check_weights(pretrained: str) -> None:
    """Whether the weights that `pretrained` names are there; what a hub has is not asked.

    Raises:
        ConfigError: if they are not.
    """
    if pretrained == AISFX:
        find_aisfx()
    elif pretrained not in SOURCES:
        find_weights(pretrained)


__all__ = [
    "DIMENSIONS",
    "HEADS",
    "MODELS",
    "POOLINGS",
    "AisfxCnn9",
    "Backbone",
    "Head",
    "MobNet",
    "SmallCnn",
    "SpectrogramTransformer",
    "TimmBackbone",
    "Wav2Vec",
    "Wav2VecCnn",
    "accepted_input",
    "attribution",
    "build_backbone",
    "check_weights",
    "find_model",
    "projection",
    "start_head",
]
