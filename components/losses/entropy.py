"""Cross entropy over what is known, one function a task; the losses on the menu are made of these."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from components.config import Task
from components.errors import ConfigError
from components.losses.sharing import mean

UNREACHABLE = -1e30  # a logit that takes no part in a softmax; with -inf a row of them would be NaN
SMALLEST = 1e-7  # the root of a smaller number has a gradient beyond float32's use


def binary(
    logits: Tensor, targets: Tensor, mask: Tensor, weights: Tensor | None = None, gamma: float = 0.0, label_smoothing: float = 0.0
) -> Tensor:
    """Each label is a yes or no of its own: the mean cost of the known entries, in nats and float32; 0 where none is known.

    Args:
        logits, targets, mask: [batch, label]; what a target is where its mask is 0 does not matter, NaN included.
        weights: [label], what a positive of each counts.
        gamma: an entry that is right with probability p counts (1 - p) ** gamma (focal loss, arXiv:1708.02002).
        label_smoothing: targets become this much less certain: 0.1 makes them 0.05 and 0.95 (arXiv:1512.00567).
    """
    logits, targets = logits.float(), torch.where(mask > 0, targets, 0.0)
    aims = targets * (1 - label_smoothing) + label_smoothing / 2
    each = nn.functional.binary_cross_entropy_with_logits(logits, aims, reduction="none", pos_weight=weights)
    if gamma:
        probability = logits.sigmoid()
        each = each * (probability * (1 - targets) + (1 - probability) * targets).clamp(min=SMALLEST) ** gamma
    return mean((each * mask).sum(), mask.sum(), least=1)


def categorical(
    logits: Tensor, targets: Tensor, mask: Tensor, weights: Tensor | None = None, gamma: float = 0.0, label_smoothing: float = 0.0
) -> Tensor:
    """One label of many: the mean cost of the clips whose label is known, in nats and float32; 0 where there is none.

    The softmax runs over a clip's known labels, so an unknown one gets no gradient. A clip that carries several, as a mix does,
    is to give each the same share.

    Args:
        logits, targets, mask: [batch, label]; what a target is where its mask is 0 does not matter, NaN included.
        weights: [label], what a clip of each counts; the mean is weighted with them.
        gamma: a label with probability p counts (1 - p) ** gamma (focal loss, arXiv:1708.02002).
        label_smoothing: this much of each target is spread evenly over the known labels (arXiv:1512.00567).
    """
    known = (mask > 0).float()
    targets = torch.where(mask > 0, targets, 0.0)
    shares = targets / targets.sum(dim=1, keepdim=True).clamp(min=1)
    log_p = torch.log_softmax(logits.float().masked_fill(mask <= 0, UNREACHABLE), dim=1)
    spread = known / known.sum(dim=1, keepdim=True).clamp(min=1) * shares.sum(dim=1, keepdim=True)
    aims = shares * (1 - label_smoothing) + spread * label_smoothing
    counts = known if weights is None else known * weights
    each = -aims * counts * log_p.masked_fill(mask <= 0, 0.0)
    if gamma:
        each = each * (1 - log_p.exp()).clamp(min=SMALLEST) ** gamma
    return mean(each.sum(), (shares * counts).sum(), least=SMALLEST)


BY_TASK: dict[Task, Callable[..., Tensor]] = {"multilabel": binary, "multiclass": categorical}


def label_weights(pos_weight: Tensor, task: Task, max_weight: float) -> Tensor:
    """What each label counts, [label]: its positives in `multilabel`, its clips in `multiclass`.

    Args:
        pos_weight: [label], absences over presences in the training split (`positive_weights`).
        max_weight: the weights are capped here, so that one mislabelled clip of a rare label does not steer the training.
    """
    weights = pos_weight.float()
    if task == "multiclass":
        weights = (weights + 1) / (weights + 1).min()  # clips over clips of the label, the most frequent label counting 1
    return weights.clamp(max=max_weight)


def smoothing(label_smoothing: float, loss: str) -> float:
    """The parameter itself.

    Raises:
        ConfigError: if it is outside 0 to 1.
    """
    if not 0 <= label_smoothing < 1:
        raise ConfigError(f"loss {loss}: label_smoothing is {label_smoothing}: write a number from 0 up to 1, such as 0.1")
    return label_smoothing


def exponent(gamma: float, loss: str) -> float:
    """The parameter itself.

    Raises:
        ConfigError: if it is negative.
    """
    if gamma < 0:
        raise ConfigError(f"loss {loss}: gamma is {gamma}, which would favour what is right already: write 0 or more, such as 2")
    return gamma
