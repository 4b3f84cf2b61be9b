"""The menu of backbones (`SupportedModels`): model input -> features over time."""

from collections.abc import Callable
from functools import partial

from components.models.aisfx import NAME as AISFX
from components.models.aisfx import AisfxCnn9, attribution_text
from components.models.contract import Backbone, Head
from components.models.heads import HEADS
from components.models.pooling import POOLINGS
from components.models.small_cnn import SmallCnn
from components.models.timm_backbone import TimmBackbone

MODELS: dict[str, Callable[..., Backbone]] = {
    "AISFX_CNN9": AisfxCnn9,
    "SMALL_CNN": SmallCnn,
    "MOBILENET_V3_LARGE": partial(TimmBackbone, "mobilenetv3_large_100"),
    "EFFICIENT_NET_V2_S": partial(TimmBackbone, "tf_efficientnetv2_s"),
}

__all__ = ["HEADS", "MODELS", "POOLINGS", "AisfxCnn9", "Backbone", "Head", "SmallCnn", "TimmBackbone", "attribution"]


def attribution(pretrained: str) -> str | None:
    """What must be said of the weights that a model started from, where their licence asks for it."""
    return attribution_text() if pretrained == AISFX else None
