"""Optimizers by name: `(groups, lr) -> Optimizer`, where `groups` are parameter groups with their weight decay."""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from components.training.optimizers.adamw import adamw

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"ADAMW": adamw}


def groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    """The trainable parameters in two groups: weights decay, while biases and the scales of norms (one dimension) do not."""
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    return [
        {"params": [parameter for parameter in trainable if parameter.ndim > 1], "weight_decay": weight_decay},
        {"params": [parameter for parameter in trainable if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
