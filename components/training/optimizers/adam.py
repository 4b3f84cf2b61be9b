"""Adam as it was published: without weight decay."""

from typing import Any

from torch.optim import Adam


def adam(groups: list[dict[str, Any]], lr: float, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8) -> Adam:
    """Adam (arXiv:1412.6980) in one fused pass over the parameters; a group that names no weight decay gets none.

    One that does has it added to the gradient, as an L2 penalty, where Adam's scaling weakens it most for the weights that move most.

    Args:
        beta1, beta2, eps: as in ADAMW.
    """
    return Adam(groups, lr=lr, betas=(beta1, beta2), eps=eps, weight_decay=0.0, fused=True)
