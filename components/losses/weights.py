"""How rare each label is, counted in the training split only."""

import torch
from torch import Tensor


def positive_weights(targets: Tensor, mask: Tensor) -> Tensor:
    """[clip, label] -> [label]: known negatives over known positives; 1 where a label has either none."""
    positives = (targets * mask).sum(dim=0)
    negatives = mask.sum(dim=0) - positives
    return torch.where((positives > 0) & (negatives > 0), negatives / positives.clamp(min=1), 1.0)
