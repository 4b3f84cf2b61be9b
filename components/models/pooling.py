"""The menu of poolings: the scores of a clip's windows -> the clip's scores."""

from collections.abc import Callable

from torch import Tensor


def mean(scores: Tensor) -> Tensor:
    """[window, label] -> [label]: how much of the clip."""
    return scores.mean(dim=0)


def maximum(scores: Tensor) -> Tensor:
    """[window, label] -> [label]: whether anywhere in the clip."""
    return scores.amax(dim=0)


def soft(scores: Tensor) -> Tensor:
    """[window, label] -> [label]: a mean in which each window weighs as much as its own score (linear softmax, arXiv:1810.09050)."""
    return scores.square().sum(dim=0) / scores.sum(dim=0).clamp(min=1e-7)  # all zeros would divide by zero


POOLINGS: dict[str, Callable[[Tensor], Tensor]] = {"MEAN": mean, "MAX": maximum, "SOFT": soft}
