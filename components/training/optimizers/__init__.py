"""Optimizers by name: `(groups, lr) -> Optimizer`.

`groups` are parameter groups; one that names no weight decay gets the optimizer's own.
"""

from collections.abc import Callable
from typing import Any

from torch import nn
from torch.optim import Optimizer

from components.training.optimizers.adam import adam
from components.training.optimizers.adamw import adamw

OPTIMIZERS: dict[str, Callable[..., Optimizer]] = {"ADAM": adam, "ADAMW": adamw}

# Making an optimizer would load torch's compiler, which takes seconds, to be kept out of what that compiles. Timbre compiles none, and a
# training whose steps are all cached takes no step of its own.
_add = Optimizer.add_param_group.__wrapped__  # type: ignore[attr-defined]
vars(_add)["__dynamo_disable"] = _add


def groups(module: nn.Module, weight_decay: float | None) -> list[dict[str, Any]]:
    """The trainable parameters in two groups: weights decay, while biases and the scales of norms (one dimension) do not.

    Args:
        weight_decay: of the weights; None leaves it to the optimizer.
    """
    trainable = [parameter for parameter in module.parameters() if parameter.requires_grad]
    decay = {} if weight_decay is None else {"weight_decay": weight_decay}
    return [
        {"params": [parameter for parameter in trainable if parameter.ndim > 1], **decay},
        {"params": [parameter for parameter in trainable if parameter.ndim <= 1], "weight_decay": 0.0},
    ]
