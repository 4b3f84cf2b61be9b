"""Losses: known numbers, the mask, and the contract of the menu."""

import math

import pytest
import torch
from torch.nn import functional as F

from components.errors import ConfigError
from components.losses import (
    LOSSES,
    CrossEntropy,
    CrossEntropyPosWeight,
    FocalLoss,
    FocalLossPosWeight,
    InstrumentFamilyLoss,
    positive_weights,
)
from components.menus import build

ONES = torch.ones(1, 1)
TASKS = ("multilabel", "multiclass")


def made(name, task="multilabel", **params):
    return build(
        LOSSES, name, "loss", params, task=task, pos_weight=torch.tensor([1.0, 3.0, 9.0]), families=["strings", "strings", "brass"]
    )


def logit(probability):
    return math.log(probability / (1 - probability))


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("name", sorted(LOSSES))
class TestContract:
    def test_a_finite_scalar_whose_gradient_flows(self, name, task):
        logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss = made(name, task)(logits, torch.eye(3)[[0, 1, 2, 0]], torch.ones(4, 3))
        loss.backward()

        assert loss.shape == ()
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
        assert (logits.grad != 0).all()

    def test_what_is_unknown_counts_for_nothing_even_as_nan(self, name, task):
        logits = torch.tensor([[0.0, 1.0, 2.0], [3.0, -1.0, 0.5]], requires_grad=True)
        targets, mask = torch.tensor([[1.0, 0.0, 0.0], [math.nan, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
        loss = made(name, task)(logits, targets, mask)
        loss.backward()

        assert torch.isfinite(loss)
        assert torch.equal(logits.grad != 0, mask > 0)
        moved = logits.detach() + 100 * (1 - mask)
        assert made(name, task)(moved, targets, mask).item() == pytest.approx(loss.item())

    def test_nothing_known_is_zero(self, name, task):
        assert made(name, task)(torch.randn(2, 3), torch.ones(2, 3), torch.zeros(2, 3)).item() == 0.0

    def test_float32_from_bfloat16_logits(self, name, task):
        assert made(name, task)(torch.zeros(2, 3, dtype=torch.bfloat16), torch.ones(2, 3), torch.ones(2, 3)).dtype == torch.float32

    def test_a_right_answer_costs_less_than_a_wrong_one(self, name, task):
        targets, mask = torch.tensor([[0.0, 0.0, 1.0]]), torch.ones(1, 3)
        right = 4 * (2 * targets - 1)
        assert made(name, task)(right, targets, mask) < made(name, task)(torch.zeros(1, 3), targets, mask)
        assert made(name, task)(torch.zeros(1, 3), targets, mask) < made(name, task)(-right, targets, mask)

    def test_extreme_logits_stay_finite(self, name, task):
        logits = torch.tensor([[300.0, -300.0, 0.0], [-300.0, -300.0, -300.0]], requires_grad=True)
        loss = made(name, task)(logits, torch.tensor([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]), torch.ones(2, 3))
        loss.backward()
        assert torch.isfinite(loss)
        assert torch.isfinite(logits.grad).all()

    def test_label_smoothing_makes_certainty_cost(self, name, task):
        sure, targets = torch.tensor([[-3.0, -3.0, 3.0]]), torch.tensor([[0.0, 0.0, 1.0]])
        plain, smooth = (made(name, task, label_smoothing=share)(sure, targets, torch.ones(1, 3)) for share in (0.0, 0.1))
        assert smooth > 1.5 * plain
        with pytest.raises(ConfigError, match=r"label_smoothing is 1\.5: write a number from 0 up to 1"):
            made(name, task, label_smoothing=1.5)


def test_not_knowing_costs_log_two():
    assert CrossEntropy()(torch.zeros(4, 3), torch.ones(4, 3), torch.ones(4, 3)).item() == pytest.approx(math.log(2))


def test_not_knowing_one_of_three_costs_log_three():
    assert CrossEntropy("multiclass")(torch.zeros(4, 3), torch.eye(3)[[0, 1, 2, 0]], torch.ones(4, 3)).item() == pytest.approx(math.log(3))


def test_categorical_cross_entropy_is_that_of_torch():
    logits, classes = torch.randn(6, 4, generator=torch.Generator().manual_seed(1)), torch.tensor([0, 1, 2, 3, 0, 0])
    targets, mask, shares = torch.eye(4)[classes], torch.ones(6, 4), torch.tensor([1 / 2, 1 / 6, 1 / 6, 1 / 6])
    assert CrossEntropy("multiclass")(logits, targets, mask) == pytest.approx(F.cross_entropy(logits, classes).item())
    smooth = F.cross_entropy(logits, classes, label_smoothing=0.1).item()
    assert CrossEntropy("multiclass", label_smoothing=0.1)(logits, targets, mask) == pytest.approx(smooth)
    weighted = CrossEntropyPosWeight(positive_weights(targets, mask), "multiclass")(logits, targets, mask)
    assert weighted == pytest.approx(F.cross_entropy(logits, classes, weight=1 / shares).item())


def test_a_mix_of_two_classes_asks_for_half_of_each():
    logits = torch.tensor([[0.0, 0.0, -200.0]])
    assert CrossEntropy("multiclass")(logits, torch.tensor([[1.0, 1.0, 0.0]]), torch.ones(1, 3)).item() == pytest.approx(math.log(2))


def test_label_smoothing_asks_for_0_95():
    smooth = CrossEntropy(label_smoothing=0.1)
    expected = -(0.95 * math.log(0.8) + 0.05 * math.log(0.2))
    assert smooth(torch.full((1, 1), logit(0.8)), ONES, ONES).item() == pytest.approx(expected)


def test_a_positive_weight_multiplies_the_positives_only():
    loss = CrossEntropyPosWeight(torch.tensor([3.0]))

    assert loss(torch.zeros(1, 1), ONES, ONES).item() == pytest.approx(3 * math.log(2))
    assert loss(torch.zeros(1, 1), 0 * ONES, ONES).item() == pytest.approx(math.log(2))


def test_positive_weights_are_capped():
    assert CrossEntropyPosWeight(torch.tensor([500.0]), max_weight=20.0).weights.tolist() == [20.0]
    assert CrossEntropyPosWeight(torch.tensor([0.25, 4.0, 500.0]), "multiclass").weights.tolist() == [1.0, 4.0, 20.0]


def test_positive_weights_count_known_entries():
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])

    assert positive_weights(targets, mask).tolist() == pytest.approx([2.0, 1 / 3, 1.0])


@pytest.mark.parametrize(("present", "probability"), [(1.0, 0.9), (1.0, 0.2), (0.0, 0.9), (0.0, 0.2)])
def test_focal_loss_discounts_what_is_right(present, probability):
    right = probability if present else 1 - probability
    expected = -((1 - right) ** 2) * math.log(right)
    logits = torch.full((1, 1), logit(probability))
    assert FocalLoss()(logits, present * ONES, ONES).item() == pytest.approx(expected, rel=1e-5)
    weighted = FocalLossPosWeight(torch.tensor([3.0]))(logits, present * ONES, ONES).item()
    assert weighted == pytest.approx(expected * (3 if present else 1), rel=1e-5)
    assert FocalLoss(gamma=0)(logits, present * ONES, ONES).item() == pytest.approx(-math.log(right), rel=1e-5)


def test_categorical_focal_loss_discounts_what_is_right():
    logits = torch.tensor([[0.7, 0.2, 0.1], [0.5, 0.3, 0.2]]).log()
    targets, mask = torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]), torch.ones(2, 3)
    first, second = -(0.3**2) * math.log(0.7), -(0.7**2) * math.log(0.3)
    assert FocalLoss("multiclass")(logits, targets, mask).item() == pytest.approx((first + second) / 2)
    weighted = FocalLossPosWeight(torch.tensor([0.0, 2.0, 2.0]), "multiclass")(logits, targets, mask).item()
    assert weighted == pytest.approx((first + 3 * second) / 4)


def test_a_negative_gamma_is_refused():
    with pytest.raises(ConfigError, match="gamma is -1"):
        FocalLoss(gamma=-1)


class TestFamilies:
    """A cello (0.6) and a violin (0.5) are strings, a trumpet (0.1) is brass."""

    families = ("strings", "strings", "brass")
    present = torch.tensor([[1.0, 0.0, 0.0]])

    def test_the_families_are_a_noisy_or(self):
        logits = torch.tensor([[logit(0.6), logit(0.5), logit(0.1)]])
        labels = -(math.log(0.6) + math.log(0.5) + math.log(0.9)) / 3
        families = -(math.log(1 - 0.4 * 0.5) + math.log(0.9)) / 2
        loss = InstrumentFamilyLoss(self.families)(logits, self.present, torch.ones(1, 3))
        assert loss.item() == pytest.approx(labels + families, rel=1e-5)
        half = InstrumentFamilyLoss(self.families, family_weight=0.5)(logits, self.present, torch.ones(1, 3))
        assert half.item() == pytest.approx(labels + families / 2, rel=1e-5)

    def test_of_one_label_the_family_is_the_sum(self):
        logits = torch.tensor([[0.6, 0.3, 0.1]]).log()
        loss = InstrumentFamilyLoss(self.families, "multiclass")(logits, self.present, torch.ones(1, 3))
        assert loss.item() == pytest.approx(-math.log(0.6) - math.log(0.9), rel=1e-5)

    def test_an_unknown_label_leaves_its_family_to_the_others(self):
        logits, mask = torch.tensor([[logit(0.6), logit(0.5), logit(0.1)]]), torch.tensor([[0.0, 1.0, 1.0]])
        loss = InstrumentFamilyLoss(self.families)(logits, self.present, mask)
        assert loss.item() == pytest.approx(-(math.log(0.5) + math.log(0.9)), rel=1e-5)

    def test_a_relative_costs_less_than_a_stranger(self):
        loss = InstrumentFamilyLoss(self.families)
        violin, trumpet = torch.tensor([[-2.0, 2.0, -2.0]]), torch.tensor([[-2.0, -2.0, 2.0]])
        assert loss(violin, self.present, torch.ones(1, 3)) < loss(trumpet, self.present, torch.ones(1, 3))

    def test_labels_of_one_family_cannot_use_it(self):
        with pytest.raises(ConfigError, match="needs labels of several families, and all are 'other': choose CROSS_ENTROPY"):
            InstrumentFamilyLoss(["other", "other"])
