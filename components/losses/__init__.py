"""The menu of losses: logits, targets, mask -> scalar.

A builder takes what it needs of `task`, `pos_weight` [label] (`positive_weights` of the training split) and `families` [label].
"""

from collections.abc import Callable

from components.losses.contract import Loss
from components.losses.cross_entropy import CrossEntropy, CrossEntropyPosWeight
from components.losses.family import InstrumentFamilyLoss
from components.losses.focal import FocalLoss, FocalLossPosWeight
from components.losses.weights import positive_weights

LOSSES: dict[str, Callable[..., Loss]] = {
    "CROSS_ENTROPY": CrossEntropy,
    "CROSS_ENTROPY_POS_WEIGHT": CrossEntropyPosWeight,
    "FOCAL_LOSS": FocalLoss,
    "FOCAL_LOSS_POS_WEIGHT": FocalLossPosWeight,
    "INSTRUMENT_FAMILY_LOSS": InstrumentFamilyLoss,
}

__all__ = [
    "LOSSES",
    "CrossEntropy",
    "CrossEntropyPosWeight",
    "FocalLoss",
    "FocalLossPosWeight",
    "InstrumentFamilyLoss",
    "Loss",
    "positive_weights",
]
