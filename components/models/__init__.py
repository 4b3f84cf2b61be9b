"""The menu of backbones (`SupportedModels`): model input -> features over time."""

from collections.abc import Callable
from functools import partial

from components.models.contract import Backbone, Head
from components.models.heads import HEADS
from components.models.pooling import POOLINGS
from components.models.small_cnn import SmallCnn
from components.models.timm_backbone import TimmBackbone

MODELS: dict[str, Callable[..., Backbone]] = {
    "SMALL_CNN": SmallCnn,
    "MOBILENET_V3_LARGE": partial(TimmBackbone, "mobilenetv3_large_100"),
    "EFFICIENT_NET_V2_S": partial(TimmBackbone, "tf_efficientnetv2_s"),
}

__all__ = ["HEADS", "MODELS", "POOLINGS", "Backbone", "Head", "SmallCnn", "TimmBackbone"]
