"""The menu of heads: features over time -> logits."""

from collections.abc import Callable

from components.models.contract import Head
from components.models.heads.attention import AttentionHead
from components.models.heads.linear import LinearHead

HEADS: dict[str, Callable[..., Head]] = {"LINEAR": LinearHead, "ATTENTION_HEAD": AttentionHead}

__all__ = ["HEADS", "AttentionHead", "LinearHead"]
