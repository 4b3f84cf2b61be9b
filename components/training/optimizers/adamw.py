"""Adam with weight decay apart from the gradient."""

from typing import Any

from torch.optim import AdamW


def adamw(groups: list[dict[str, Any]], lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> AdamW:
    """AdamW (arXiv:1711.05101) in one fused pass over the parameters; a group that names no weight decay gets 0.01.

    Args:
        beta1, beta2: how much of the mean gradient and of its mean square is kept each step.
        eps: keeps a parameter with hardly any gradient from moving far.
    """
    return AdamW(groups, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=1e-2, fused=True)
