import itertools
from typing import Any

import pytest
import torch
from torch import nn

from components.config import TrainingConfig
from components.errors import ConfigError
from components.menus import build
from components.training.optimizers import OPTIMIZERS, groups
from components.training.phases import Phase
from components.training.schedulers import SCHEDULERS


def rates(steps: int, lr: float = 1e-4, lr_max: float = 1e-3, name: str = "ONECYCLE", **params: Any) -> list[float]:
    """The learning rate of each step, and that after the last."""
    layer = nn.Linear(2, 2)
    optimizer = build(OPTIMIZERS, "ADAMW", "optimizer", {}, groups=groups(layer, 0.01), lr=lr)
    scheduler = build(SCHEDULERS, name, "scheduler", params, optimizer=optimizer, steps=steps, lr=lr, lr_max=lr_max)["scheduler"]
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


def test_cosine_annealing_is_half_a_wave() -> None:
    seen = rates(100, name="COSINEANNEALING")
    assert seen[0] == pytest.approx(1e-4)
    assert seen[25] == pytest.approx(1e-4 * (1 + 0.5**0.5) / 2)
    assert seen[50] == pytest.approx(5e-5)
    assert seen[100] == pytest.approx(0.0, abs=1e-12)
    assert rates(100, name="COSINEANNEALING", final_lr=2e-5)[50] == pytest.approx(6e-5)


def plateau(**params: Any) -> tuple[torch.optim.Optimizer, dict[str, Any]]:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    return optimizer, build(SCHEDULERS, "PLATEAU", "scheduler", params, optimizer=optimizer, val_every_steps=7)


def test_plateau_halves_the_rate_when_val_stops_getting_better() -> None:
    optimizer, schedule = plateau(patience_validations=1)
    assert (schedule["monitor"], schedule["frequency"]) == ("val_f1", 7)
    seen = []
    for f1 in (0.3, 0.5, 0.5, 0.4, 0.6, 0.5, 0.5):
        schedule["scheduler"].step(f1)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 1.0, 0.5, 0.5, 0.5, 0.25]


def test_plateau_follows_the_trainings_metric() -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.ones(1))], lr=1.0)
    schedule = Phase(0, 9).schedule(
        optimizer, TrainingConfig(scheduler="PLATEAU", metric="VAL_HAMMING", scheduler_params={"patience_validations": 0})
    )
    assert schedule["monitor"] == "val_hamming"
    seen = []
    for distance in (0.5, 0.4, 0.4, 0.3, 0.6):  # less is better
        schedule["scheduler"].step(distance)
        seen.append(optimizer.param_groups[0]["lr"])
    assert seen == [1.0, 1.0, 0.5, 0.5, 0.25]
    assert plateau(watch="val_map")[1]["monitor"] == "val_map"


@pytest.mark.parametrize("params", [{"factor": 1.5}, {"patience_validations": -1}, {"watch": "val_loss"}])
def test_plateau_refuses_what_makes_no_sense(params: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="PLATEAU"):
        plateau(**params)


def test_only_weights_decay() -> None:
    layer = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4))
    decayed, kept = groups(layer, 0.01)
    assert [tuple(parameter.shape) for parameter in decayed["params"]] == [(4, 3)]
    assert decayed["weight_decay"] == 0.01
    assert len(kept["params"]) == 3
    assert kept["weight_decay"] == 0.0


@pytest.mark.parametrize(("name", "decay"), [("ADAM", 0.0), ("ADAMW", 0.01)])
def test_without_a_weight_decay_it_is_the_optimizers_own(name: str, decay: float) -> None:
    optimizer = build(OPTIMIZERS, name, "optimizer", {}, groups=groups(nn.Linear(3, 4), None), lr=0.01)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [decay, 0.0]


def test_a_frozen_weight_is_left_out() -> None:
    layer = nn.Linear(3, 4)
    layer.weight.requires_grad_(False)
    assert groups(layer, 0.01)[0]["params"] == []


def one_step(name: str, **params: Any) -> float:
    """A weight of 1 with gradient 3 and weight decay 0.1 after a step at the rate 0.01."""
    weight = nn.Parameter(torch.tensor([1.0]))
    optimizer = build(OPTIMIZERS, name, "optimizer", params, groups=[{"params": [weight], "weight_decay": 0.1}], lr=0.01)
    (3 * weight).sum().backward()
    optimizer.step()
    return weight.item()


def test_adamw_takes_the_published_step() -> None:
    assert one_step("adamw") == pytest.approx(1 * (1 - 0.01 * 0.1) - 0.01, abs=1e-6)


def test_adam_takes_the_published_step() -> None:
    assert one_step("ADAM") == pytest.approx(1 - 0.01, abs=1e-6)  # the penalty joins the gradient, whose size a first step does not feel


def test_an_optimizers_parameters_reach_it() -> None:
    assert one_step("ADAM", eps=3.1) == pytest.approx(1 - 0.01 / 2, abs=1e-6)  # gradient 3.1 over 3.1 + eps
    with pytest.raises(ConfigError, match="ADAM has no parameter 'momentum'; it takes: beta1, beta2, eps"):
        one_step("ADAM", momentum=0.9)
