"""FOCAL_LOSS and FOCAL_LOSS_POS_WEIGHT: what is easy and right already counts less, so that training turns to what is hard."""

from torch import Tensor, nn

from components.config import Task
from components.losses.entropy import BY_TASK, exponent, label_weights, smoothing


class FocalLoss(nn.Module):
    """Focal loss (Lin et al., arXiv:1708.02002) over what is known, without its alpha: FOCAL_LOSS_POS_WEIGHT does that by label.

    For many labels of which few are present: the many easy absences no longer outweigh the rest.
    """

    def __init__(self, task: Task = "multilabel", gamma: float = 2.0, label_smoothing: float = 0.0) -> None:
        """
        Args:
            gamma: what is right with probability p counts (1 - p) ** gamma; 0 gives CROSS_ENTROPY.
            label_smoothing: as in CROSS_ENTROPY.
        Raises:
            ConfigError: if a parameter makes no sense.
        """
        super().__init__()
        self.gamma, self.label_smoothing = exponent(gamma, "FOCAL_LOSS"), smoothing(label_smoothing, "FOCAL_LOSS")
        self._loss = BY_TASK[task]

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return self._loss(logits, targets, mask, gamma=self.gamma, label_smoothing=self.label_smoothing)


class FocalLossPosWeight(nn.Module):
    """The same with rare labels weighted, as in CROSS_ENTROPY_POS_WEIGHT."""

    weights: Tensor

    def __init__(
        self, pos_weight: Tensor, task: Task = "multilabel", gamma: float = 2.0, max_weight: float = 20.0, label_smoothing: float = 0.0
    ) -> None:
        """
        Args:
            pos_weight: [label], absences over presences in the training split (`positive_weights`).
            gamma, max_weight, label_smoothing: as in FOCAL_LOSS and CROSS_ENTROPY_POS_WEIGHT.
        Raises:
            ConfigError: if a parameter makes no sense.
        """
        super().__init__()
        self.gamma, self.label_smoothing = exponent(gamma, "FOCAL_LOSS_POS_WEIGHT"), smoothing(label_smoothing, "FOCAL_LOSS_POS_WEIGHT")
        self._loss = BY_TASK[task]
        self.register_buffer("weights", label_weights(pos_weight, task, max_weight), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return self._loss(logits, targets, mask, self.weights, gamma=self.gamma, label_smoothing=self.label_smoothing)
