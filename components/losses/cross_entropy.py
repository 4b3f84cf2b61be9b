"""CROSS_ENTROPY and CROSS_ENTROPY_POS_WEIGHT: binary for `multilabel`, categorical for `multiclass`."""

from torch import Tensor, nn

from components.config import Task
from components.losses.entropy import BY_TASK, label_weights, smoothing


class CrossEntropy(nn.Module):
    """Cross entropy over what is known, in nats; 0 where nothing is."""

    def __init__(self, task: Task = "multilabel", label_smoothing: float = 0.0) -> None:
        """
        Args:
            label_smoothing: 0.1 asks for 0.95 instead of 1 (arXiv:1512.00567); it helps where some labels are wrong.
        Raises:
            ConfigError: if a parameter makes no sense.
        """
        super().__init__()
        self.label_smoothing = smoothing(label_smoothing, "CROSS_ENTROPY")
        self._loss = BY_TASK[task]

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return self._loss(logits, targets, mask, label_smoothing=self.label_smoothing)


class CrossEntropyPosWeight(nn.Module):
    """The same with rare labels weighted: their positives, so that their absences do not drown them, or for `multiclass` their clips."""

    weights: Tensor

    def __init__(self, pos_weight: Tensor, task: Task = "multilabel", max_weight: float = 20.0, label_smoothing: float = 0.0) -> None:
        """
        Args:
            pos_weight: [label], absences over presences in the training split (`positive_weights`).
            max_weight, label_smoothing: see `label_weights` and CROSS_ENTROPY.
        Raises:
            ConfigError: if a parameter makes no sense.
        """
        super().__init__()
        self.label_smoothing = smoothing(label_smoothing, "CROSS_ENTROPY_POS_WEIGHT")
        self._loss = BY_TASK[task]
        self.register_buffer("weights", label_weights(pos_weight, task, max_weight), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return self._loss(logits, targets, mask, self.weights, label_smoothing=self.label_smoothing)
