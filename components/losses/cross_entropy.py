"""CROSS_ENTROPY: each label is a yes or no of its own."""

import torch
from torch import Tensor, nn


class CrossEntropy(nn.Module):
    """Binary cross entropy over the known labels, in nats; 0 where none is known."""

    def __init__(self) -> None:
        super().__init__()

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return masked_cross_entropy(logits, targets, mask, None)


class CrossEntropyPosWeight(nn.Module):
    """CROSS_ENTROPY_POS_WEIGHT: the same, with each label's positives weighted, so that a rare label is not drowned by its absences."""

    def __init__(self, pos_weight: Tensor, max_weight: float = 20.0) -> None:
        """
        Args:
            pos_weight: [label], negatives over positives in the training split (`positive_weights`).
            max_weight: the weights are capped here, so that one mislabelled clip of a rare label does not steer the training.
        """
        super().__init__()
        self.register_buffer("pos_weight", pos_weight.float().clamp(max=max_weight), persistent=False)

    pos_weight: Tensor

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return masked_cross_entropy(logits, targets, mask, self.pos_weight)


def masked_cross_entropy(logits: Tensor, targets: Tensor, mask: Tensor, pos_weight: Tensor | None) -> Tensor:
    """The mean over the entries where mask is 1, in float32."""
    targets = torch.where(mask > 0, targets, 0.0)  # an unknown label's may be NaN, which times 0 would stay NaN
    each = nn.functional.binary_cross_entropy_with_logits(logits.float(), targets, reduction="none", pos_weight=pos_weight)
    return (each * mask).sum() / mask.sum().clamp(min=1)


def positive_weights(targets: Tensor, mask: Tensor) -> Tensor:
    """[clip, label] -> [label]: known negatives over known positives; 1 where a label has either none."""
    positives = (targets * mask).sum(dim=0)
    negatives = mask.sum(dim=0) - positives
    return torch.where((positives > 0) & (negatives > 0), negatives / positives.clamp(min=1), 1.0)
