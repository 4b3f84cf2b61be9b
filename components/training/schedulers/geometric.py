"""A rate that changes by the same factor every step: how the head warms up alone."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import LambdaLR


def geometric(optimizer: Optimizer, steps: int, lr_first: float, lr: float) -> dict[str, Any]:
    """From `lr_first` at the first step to `lr` after the last.

    Args:
        optimizer: made with the rate `lr`.
        steps: optimizer steps in between.
    """
    return {"scheduler": LambdaLR(optimizer, lambda step: (lr_first / lr) ** (1 - min(step / steps, 1.0))), "interval": "step"}
