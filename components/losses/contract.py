"""What every loss is."""

from typing import Protocol

from torch import Tensor


class Loss(Protocol):
    """Logits, targets and mask, [batch, label] each, -> a scalar; where the mask is 0 nothing counts."""

    def __call__(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor: ...
