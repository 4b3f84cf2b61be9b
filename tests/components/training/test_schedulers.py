import itertools

import pytest
import torch
from torch import nn

from components.menus import build
from components.training.optimizers import OPTIMIZERS, groups
from components.training.schedulers import SCHEDULERS


def rates(steps: int, lr: float = 1e-4, lr_max: float = 1e-3) -> list[float]:
    """The learning rate of each step, and that after the last."""
    layer = nn.Linear(2, 2)
    optimizer = build(OPTIMIZERS, "ADAMW", "optimizer", {}, groups=groups(layer, 0.01), lr=lr)
    scheduler = build(SCHEDULERS, "ONECYCLE", "scheduler", {}, optimizer=optimizer, steps=steps, lr=lr, lr_max=lr_max)["scheduler"]
    seen = []
    for _ in range(steps):
        seen.append(optimizer.param_groups[0]["lr"])
        layer(torch.ones(1, 2)).sum().backward()
        optimizer.step()
        scheduler.step()
    return [*seen, optimizer.param_groups[0]["lr"]]


def test_onecycle_rises_for_a_quarter_and_falls_to_zero() -> None:
    seen = rates(100)
    assert seen[0] == pytest.approx(1e-4)
    assert max(seen) == seen[25] == pytest.approx(1e-3)
    assert seen[12] == pytest.approx(1e-4 + 9e-4 * 0.468605, rel=1e-4)
    assert seen[100] == pytest.approx(0.0, abs=1e-12)
    assert all(a > b for a, b in itertools.pairwise(seen[25:]))


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5])
def test_onecycle_fits_the_shortest_training(steps: int) -> None:
    seen = rates(steps)
    assert all(0 < rate <= 1e-3 + 1e-9 for rate in seen[:-1])
    assert seen[-1] == pytest.approx(0.0, abs=1e-12)


def test_only_weights_decay() -> None:
    layer = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    decayed, kept = groups(layer, 0.01)
    assert [tuple(parameter.shape) for parameter in decayed["params"]] == [(4, 3)]
    assert decayed["weight_decay"] == 0.01
    assert len(kept["params"]) == 3
    assert kept["weight_decay"] == 0.0


def test_a_frozen_weight_is_left_out() -> None:
    layer = nn.Linear(3, 4)
    layer.weight.requires_grad_(False)
    assert groups(layer, 0.01)[0]["params"] == []


def test_adamw_takes_the_published_step() -> None:
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = build(OPTIMIZERS, "adamw", "optimizer", {}, groups=[{"params": [weight], "weight_decay": 0.1}], lr=0.01)
    (3 * weight).sum().backward()
    optimizer.step()
    assert weight.item() == pytest.approx(1 * (1 - 0.01 * 0.1) - 0.01, abs=1e-6)
