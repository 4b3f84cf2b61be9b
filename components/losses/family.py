"""INSTRUMENT_FAMILY_LOSS: the right label, and if not that at least one of the right family."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from components.config import Task
from components.errors import ConfigError
from components.losses.entropy import BY_TASK, SMALLEST, UNREACHABLE, smoothing


class InstrumentFamilyLoss(nn.Module):
    """Cross entropy of the labels plus that of their families: a cello heard as a violin costs less than one heard as a trumpet.

    A family's score follows from its labels' and needs no output of its own. For `multilabel` it is the probability that any of
    them is there (noisy-or), for `multiclass` the sum of theirs. Labels that are unknown take no part in their family.
    """

    membership: Tensor

    def __init__(
        self, families: Sequence[str], task: Task = "multilabel", family_weight: float = 1.0, label_smoothing: float = 0.0
    ) -> None:
        """
        Args:
            families: [label], the family of each.
            family_weight: what the families count beside the labels.
            label_smoothing: of the labels, as in CROSS_ENTROPY.
        Raises:
            ConfigError: if there is one family only, or a parameter makes no sense.
        """
        super().__init__()
        names = list(dict.fromkeys(families))
        if len(names) < 2:
            raise ConfigError(f"INSTRUMENT_FAMILY_LOSS needs labels of several families, and all are {names[0]!r}: choose CROSS_ENTROPY")
        if family_weight < 0:
            raise ConfigError(f"INSTRUMENT_FAMILY_LOSS: family_weight is {family_weight}: write 0 or more")
        self.family_weight, self.label_smoothing = family_weight, smoothing(label_smoothing, "INSTRUMENT_FAMILY_LOSS")
        self._loss, self._scores = BY_TASK[task], {"multilabel": any_of, "multiclass": one_of}[task]
        belongs = [[float(family == name) for family in families] for name in names]
        self.register_buffer("membership", torch.tensor(belongs), persistent=False)

    def forward(self, logits: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        labels = self._loss(logits, targets, mask, label_smoothing=self.label_smoothing)
        present = torch.where(mask > 0, targets, 0.0) @ self.membership.T
        known = (mask @ self.membership.T > 0).float()
        families = self._loss(self._scores(logits.float(), mask, self.membership), present.clamp(max=1), known)
        return labels + self.family_weight * families


def any_of(logits: Tensor, mask: Tensor, membership: Tensor) -> Tensor:
    """[batch, label] -> [batch, family]: the logit of the probability that any known label of the family is there.

    Args:
        membership: [family, label], 1 where the label belongs to the family.
    """
    absent = (nn.functional.softplus(logits) * mask) @ membership.T  # minus the logarithm of the probability of none
    return absent + torch.log(-torch.expm1(-absent.clamp(min=SMALLEST)))


def one_of(logits: Tensor, mask: Tensor, membership: Tensor) -> Tensor:
    """[batch, label] -> [batch, family]: logits whose softmax is the sum of the labels' own, over the known ones."""
    apart = (mask[:, None] <= 0) | (membership[None] <= 0)
    return torch.logsumexp(logits[:, None].expand(apart.shape).masked_fill(apart, UNREACHABLE), dim=2)
