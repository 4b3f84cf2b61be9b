"""The menu of heads: features over time -> logits."""

from collections.abc import Callable

from components.models.contract import Head
from components.models.heads.attention import AttentionHead
from components.models.heads.deep import DeepHead
from components.models.heads.linear import LinearHead
from components.models.heads.mean_max import MeanMaxHead, mean_and_max

HEADS: dict[str, Callable[..., Head]] = {
    "ATTENTION_HEAD": AttentionHead,
    "DEEP_HEAD": DeepHead,
    "LINEAR": LinearHead,
    "MEAN_MAX": MeanMaxHead,
}

__all__ = ["HEADS", "AttentionHead", "DeepHead", "LinearHead", "MeanMaxHead", "mean_and_max"]
