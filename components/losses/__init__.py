"""The menu of losses: logits, targets, mask -> scalar."""

from collections.abc import Callable

from components.losses.contract import Loss
from components.losses.cross_entropy import CrossEntropy, CrossEntropyPosWeight, positive_weights

LOSSES: dict[str, Callable[..., Loss]] = {
    "CROSS_ENTROPY": CrossEntropy,
    "CROSS_ENTROPY_POS_WEIGHT": CrossEntropyPosWeight,
}

__all__ = ["LOSSES", "CrossEntropy", "CrossEntropyPosWeight", "Loss", "positive_weights"]
