"""One rise and one fall of the learning rate over the whole training."""

import math
from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR

RISE = 0.25


def onecycle(optimizer: Optimizer, steps: int, lr: float, lr_max: float) -> dict[str, Any]:
    """The 1cycle policy (arXiv:1708.07120), with cosines for its lines: `lr` to `lr_max` in the first quarter, then down to 0.

    Args:
        steps: optimizer steps in the training; the rate after the last is 0.
        lr: rate of the first step.
        lr_max: rate at the peak.
    """
    top = round(RISE * steps)

    def factor(step: int) -> float:
        if step < top:
            return _cosine(lr, lr_max, step / top) / lr
        return _cosine(lr_max, 0.0, min((step - top) / (steps - top), 1.0)) / lr

    return {"scheduler": LambdaLR(optimizer, factor), "interval": "step"}


def _cosine(first: float, last: float, share: float) -> float:
    """Half a cosine wave from `first` to `last`; `share` of the way is 0 to 1."""
    return last + (first - last) * (1 + math.cos(math.pi * share)) / 2
