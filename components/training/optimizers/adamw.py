"""Adam with weight decay apart from the gradient."""

from typing import Any

from torch.optim import AdamW


def adamw(groups: list[dict[str, Any]], lr: float) -> AdamW:
    """AdamW (arXiv:1711.05101) in one fused pass over the parameters."""
    return AdamW(groups, lr=lr, fused=True)
