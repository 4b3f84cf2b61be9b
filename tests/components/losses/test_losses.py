"""Losses: known numbers, the mask, and the contract of the menu."""

import math

import pytest
import torch

from components.losses import LOSSES, CrossEntropy, CrossEntropyPosWeight, positive_weights
from components.menus import build


def made(name):
    return build(LOSSES, name, "loss", {}, pos_weight=torch.tensor([1.0, 3.0, 9.0]))


@pytest.mark.parametrize("name", sorted(LOSSES))
class TestContract:
    def test_a_finite_scalar_whose_gradient_flows(self, name):
        logits = torch.randn(4, 3, generator=torch.Generator().manual_seed(0)).requires_grad_()
        loss = made(name)(logits, torch.eye(4)[:, :3], torch.ones(4, 3))
        loss.backward()

        assert loss.shape == ()
        assert loss.dtype == torch.float32
        assert torch.isfinite(loss)
        assert (logits.grad != 0).all()

    def test_what_is_unknown_counts_for_nothing_even_as_nan(self, name):
        logits = torch.zeros(2, 3, requires_grad=True)
        targets, mask = torch.tensor([[1.0, 0.0, 0.0], [math.nan, 1.0, 0.0]]), torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 1.0]])
        loss = made(name)(logits, targets, mask)
        loss.backward()

        assert torch.isfinite(loss)
        assert torch.equal(logits.grad != 0, mask > 0)

    def test_nothing_known_is_zero(self, name):
        assert made(name)(torch.randn(2, 3), torch.ones(2, 3), torch.zeros(2, 3)).item() == 0.0

    def test_float32_from_bfloat16_logits(self, name):
        assert made(name)(torch.zeros(2, 3, dtype=torch.bfloat16), torch.ones(2, 3), torch.ones(2, 3)).dtype == torch.float32

    def test_a_right_answer_costs_less_than_a_wrong_one(self, name):
        targets, mask = torch.tensor([[1.0, 0.0, 1.0]]), torch.ones(1, 3)
        right = 4 * (2 * targets - 1)
        assert made(name)(right, targets, mask) < made(name)(torch.zeros(1, 3), targets, mask) < made(name)(-right, targets, mask)


def test_not_knowing_costs_log_two():
    assert CrossEntropy()(torch.zeros(4, 3), torch.ones(4, 3), torch.ones(4, 3)).item() == pytest.approx(math.log(2))


def test_a_positive_weight_multiplies_the_positives_only():
    loss = CrossEntropyPosWeight(torch.tensor([3.0]))
    ones = torch.ones(1, 1)

    assert loss(torch.zeros(1, 1), ones, ones).item() == pytest.approx(3 * math.log(2))
    assert loss(torch.zeros(1, 1), 0 * ones, ones).item() == pytest.approx(math.log(2))


def test_positive_weights_are_capped():
    assert CrossEntropyPosWeight(torch.tensor([500.0]), max_weight=20.0).pos_weight.tolist() == [20.0]


def test_positive_weights_count_known_entries():
    targets = torch.tensor([[1.0, 1.0, 0.0], [0.0, 1.0, 0.0], [0.0, 1.0, 0.0], [1.0, 0.0, 0.0]])
    mask = torch.tensor([[1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [1.0, 1.0, 1.0], [0.0, 1.0, 1.0]])

    assert positive_weights(targets, mask).tolist() == pytest.approx([2.0, 1 / 3, 1.0])
