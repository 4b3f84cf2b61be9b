"""COSINEANNEALING: half a cosine wave down."""

from typing import Any

from torch.optim import Optimizer
from torch.optim.lr_scheduler import CosineAnnealingLR


def cosine_annealing(optimizer: Optimizer, steps: int, lr: float, final_lr: float = 0.0) -> dict[str, Any]:
    """Cosine annealing without restarts (arXiv:1608.03983): from `lr` in the first step to `final_lr` after the last.

    Args:
        steps: optimizer steps in the training.
        lr: the optimizer's own; it says where the schedule starts.
        final_lr: where it ends.
    """
    return {"scheduler": CosineAnnealingLR(optimizer, T_max=steps, eta_min=min(final_lr, lr)), "interval": "step"}
