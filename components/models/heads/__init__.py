"""The menu of heads: features over time -> logits."""

from collections.abc import Callable

from components.models.contract import Head
from components.models.heads.attention import AttentionHead
from components.models.heads.deep import DeepHead
from components.models.heads.linear import LinearHead

HEADS: dict[str, Callable[..., Head]] = {"ATTENTION_HEAD": AttentionHead, "DEEP_HEAD": DeepHead, "LINEAR": LinearHead}

__all__ = ["HEADS", "AttentionHead", "DeepHead", "LinearHead"]
