"""Logistic regression on embeddings: one layer, the strength of its penalty chosen by grouped cross-validation."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from components.losses.entropy import UNREACHABLE

PENALTIES = tuple(10 ** (step / 2) for step in range(2, -9, -1))  # from strong to weak
WORSE_IN_A_ROW = 2  # weaker penalties are not tried after so many that were worse
MOST_STEPS = 200
TOLERANCE = 1e-6  # of the gradient: a layer that stops early is regularised by that, not by its penalty
EDGE = 1e-6
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Examples:
    """Windows of clips with labels.

    Args:
        values: [window, value], float64.
        clips: [window], the place of its clip, rising; each clip has windows.
        targets, mask: [clip, label], float64.
        activate: logits [window, label] -> scores.
        pool: scores [window, label] of one clip -> [label].
        one_of_many: each clip has one label, softmax and not a yes or no for each.
        weights: [label], what a positive weighs against a negative, or, of one of many, a clip of the label against another's.
    """

    values: Tensor
    clips: Ints
    targets: Tensor
    mask: Tensor
    activate: Callable[[Tensor], Tensor]
    pool: Callable[[Tensor], Tensor]
    one_of_many: bool = False
    weights: Tensor | None = None

    def of(self, chosen: npt.NDArray[np.bool_]) -> "Examples":
        """Some of the clips; `chosen` [clip]."""
        places = np.cumsum(chosen) - 1
        rows = chosen[self.clips]
        kept = torch.from_numpy(chosen)
        return replace(
            self,
            values=self.values[torch.from_numpy(rows)],
            clips=places[self.clips[rows]],
            targets=self.targets[kept],
            mask=self.mask[kept],
        )


@dataclass(frozen=True, eq=False)
class Layer:
    """logits = values @ weight + bias; `weight` [value, label]."""

    weight: Tensor
    bias: Tensor

    def scores(self, examples: Examples) -> Tensor:
        """Scores of the clips [clip, label]."""
        windows = examples.activate(examples.values @ self.weight + self.bias)
        counts = np.bincount(examples.clips, minlength=len(examples.targets))
        return torch.stack([examples.pool(some) for some in torch.split(windows, counts.tolist())])


@dataclass(frozen=True, eq=False)
class Chosen:
    """A cross-validation's outcome.

    Attributes:
        penalty: with the least loss.
        scores: [clip, label], of each clip by a layer that has not seen its fold; None where there was only one fold.
        losses: penalty -> cross entropy of those, in nats a clip.
    """

    penalty: float
    scores: Tensor | None
    losses: dict[float, float] = field(default_factory=dict)


def compact(examples: Examples) -> tuple[Examples, Tensor]:
    """The same examples in fewer values, and the basis [value, fewer] that leads back: `weight = basis @ compact weight`.

    The penalised optimum lies in the space that the rows span, so where there are more values than windows nothing is lost, and
    the fit is several times as fast.
    """
    count, width = examples.values.shape
    if count >= width:
        return examples, torch.eye(width, dtype=examples.values.dtype)
    _, _, rows = torch.linalg.svd(examples.values, full_matrices=False)
    return replace(examples, values=examples.values @ rows.T), rows.T


def fit_layer(examples: Examples, penalty: float, start: Layer | None = None) -> Layer:
    """Minimise the mean cross entropy of a clip, shared out evenly among its windows, plus penalty / 2 times the squared weights (L-BFGS).

    With one window a clip it is scikit-learn's LogisticRegression with C = 1 / (penalty x clips).
    """
    labels = examples.targets.shape[1]
    weight = examples.values.new_zeros(examples.values.shape[1], labels) if start is None else start.weight.clone()
    bias = examples.values.new_zeros(labels) if start is None else start.bias.clone()
    share = torch.from_numpy(1 / np.bincount(examples.clips)[examples.clips] / len(examples.targets))
    targets, mask = examples.targets[examples.clips], examples.mask[examples.clips]
    optimizer = torch.optim.LBFGS(
        [weight.requires_grad_(), bias.requires_grad_()], max_iter=MOST_STEPS, tolerance_grad=TOLERANCE, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss = share @ _cross_entropy(examples.values @ weight + bias, targets, mask, examples) + penalty / 2 * weight.square().sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimizer.step(closure)  # type: ignore[no-untyped-call]
    return Layer(weight.detach(), bias.detach())


def choose_penalty(examples: Examples, folds: Ints) -> Chosen:
    """The penalty whose layers are least wrong on the folds that they have not seen.

    Args:
        folds: [clip], the fold of each; with one fold, the middle of the penalties is taken unseen.
    """
    numbers = np.unique(folds)
    if len(numbers) < 2:
        return Chosen(PENALTIES[len(PENALTIES) // 2], None)
    parts = [(folds == number, examples.of(folds != number), examples.of(folds == number)) for number in numbers]
    layers: list[Layer | None] = [None] * len(parts)
    best, losses, worse = Chosen(PENALTIES[0], None), dict[float, float](), 0
    for penalty in PENALTIES:
        layers = [fit_layer(seen, penalty, layer) for (_, seen, _), layer in zip(parts, layers, strict=True)]
        scores = torch.empty_like(examples.targets)
        for (held, _, unseen), layer in zip(parts, layers, strict=True):
            scores[torch.from_numpy(held)] = layer.scores(unseen)  # type: ignore[union-attr]
        losses[penalty] = _held_out_loss(scores, examples)
        if best.scores is None or losses[penalty] < losses[best.penalty]:
            best, worse = Chosen(penalty, scores, losses), 0
        elif (worse := worse + 1) == WORSE_IN_A_ROW:
            break
    return best


def _cross_entropy(logits: Tensor, targets: Tensor, mask: Tensor, examples: Examples) -> Tensor:
    """[window], in nats."""
    if examples.one_of_many:
        known = torch.log_softmax(logits.masked_fill(mask <= 0, UNREACHABLE), dim=-1)
        return -(known * targets * mask * (1.0 if examples.weights is None else examples.weights)).sum(dim=-1)
    each = nn.functional.binary_cross_entropy_with_logits(logits, targets, reduction="none", pos_weight=examples.weights)
    return (each * mask).sum(dim=-1)


def _held_out_loss(scores: Tensor, examples: Examples) -> float:
    """Nats a clip, of scores that are probabilities already."""
    scores = scores.clamp(EDGE, 1 - EDGE)
    positive = examples.targets * scores.log()
    if examples.weights is not None:
        positive = positive * examples.weights
    negative = 0.0 if examples.one_of_many else (1 - examples.targets) * (1 - scores).log()
    return float(-((positive + negative) * examples.mask).sum() / len(scores))
