import logging
import math
from pathlib import Path
from typing import Any

import pytest
import torch

from components.config import Config
from components.errors import ConfigError
from components.losses import CrossEntropy
from components.network import build_network
from components.store import Store
from components.training import fit
from components.training.device import choose_device
from components.training.learner import Learner
from components.training.loader import Loader
from components.training.plan import Plan
from components.training.range_test import RangeTest, lowest, settle_rates


def learner_of(config: Config, store: Store, **training: Any) -> Learner:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_network(config.feature, config.model, config.windows, store.sample_rate, store.manifest.label_set)
    section = config.training.model_copy(update={"scheduler": "AUTO_LR", **training})
    return Learner(network, CrossEntropy(), section, store.sample_rate, steps=10)


def settled(learner: Learner, store: Store, stop: bool = False) -> Any:
    train = store.of("train")
    plan = Plan(train.num_samples, 4000, 8, 0)
    return settle_rates(learner, lambda steps: iter(Loader(train, plan, steps)), choose_device(learner.training_config), lambda: stop)


def test_the_rate_rises_by_the_same_factor_each_step() -> None:
    test = RangeTest(lowest_lr=1e-6, highest_lr=1.0, test_steps=61)
    assert [test.rate(step) for step in (0, 10, 60)] == pytest.approx([1e-6, 1e-5, 1.0])


def test_the_lowest_loss_is_found_before_it_explodes() -> None:
    losses = [1 - step / 100 for step in range(61)] + [0.4 + step**2 for step in range(10)] + [0.0] * 29
    assert 60 <= lowest(losses, 100) <= 63
    assert 60 <= lowest([*losses[:62], math.nan], 100) <= 63


@pytest.mark.parametrize("losses", [[0.7] * 3 + [math.nan], [0.7 + step for step in range(100)], []])
def test_a_loss_that_never_falls_is_an_error(losses: list[float]) -> None:
    with pytest.raises(ConfigError, match=f"no rate at which the loss falls in {len(losses)} steps: lower"):
        lowest(losses, 100)


def test_it_finds_a_rate_says_so_and_leaves_everything_as_it_was(config: Config, store: Store, caplog: pytest.LogCaptureFixture) -> None:
    learner = learner_of(config, store)
    before = {key: tensor.clone() for key, tensor in learner.network.state_dict().items()}
    state = torch.get_rng_state()
    with caplog.at_level(logging.INFO):
        found = settled(learner, store)
    assert 1e-4 < found.lr_onecycle_max < 0.1
    assert found.lr == pytest.approx(found.lr_onecycle_max / 10)
    assert f"AUTO_LR found training.lr_onecycle_max {found.lr_onecycle_max:.2g}" in caplog.text
    assert all(torch.equal(tensor, before[key]) for key, tensor in learner.network.state_dict().items())
    assert all(parameter.grad is None for parameter in learner.network.parameters())
    assert torch.equal(state, torch.get_rng_state())
    assert settled(learner_of(config, store), store) == found


def test_other_schedules_keep_their_rates(config: Config, store: Store) -> None:
    learner = learner_of(config, store, scheduler="ONECYCLE")
    assert settled(learner, store) is learner.training_config


def test_an_interrupt_ends_it_with_the_rates_as_written(config: Config, store: Store) -> None:
    assert settled(learner_of(config, store), store, stop=True).lr == config.training.lr


@pytest.mark.parametrize("params", [{"lowest_lr": 0.0}, {"lowest_lr": 2.0}, {"test_steps": 5}, {"start_share": 0.0}])
def test_a_test_that_makes_no_sense_is_refused(config: Config, store: Store, params: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match="scheduler AUTO_LR: lowest_lr"):
        settled(learner_of(config, store, scheduler_params=params), store)


def test_an_unknown_parameter_is_refused(config: Config, store: Store) -> None:
    with pytest.raises(ConfigError, match="AUTO_LR has no parameter 'steps'"):
        settled(learner_of(config, store, scheduler_params={"steps": 50}), store)


def test_a_training_follows_the_rate_that_was_found(config: Config, store: Store, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    changed = {"scheduler": "AUTO_LR", "scheduler_params": {"test_steps": 40}, "max_steps": 4, "val_every_steps": 2}
    with caplog.at_level(logging.INFO):
        fit(config.model_copy(update={"training": config.training.model_copy(update=changed)}), store, tmp_path)
    peak = float(caplog.text.split("AUTO_LR found training.lr_onecycle_max ")[1].split()[0])
    second = float((tmp_path / "history.csv").read_text().splitlines()[1].split(",")[-1])
    assert second == pytest.approx(peak, rel=0.05)  # of four steps the second has the peak
