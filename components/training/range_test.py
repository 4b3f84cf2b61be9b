"""AUTO_LR: find the learning rate before the training, by a range test on its own first batches."""

import logging
import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.optim import Optimizer

from components.config import TrainingConfig
from components.errors import ConfigError
from components.menus import build, canonical
from components.training.device import Device
from components.training.learner import Learner
from components.training.loader import Windows
from components.training.optimizers import OPTIMIZERS, groups

log = logging.getLogger(__name__)
NAME = "AUTO_LR"
SMOOTHED = 0.1  # the share of the steps that the smoothed loss looks back on
DIVERGED = 4.0  # times the lowest smoothed loss
BELOW = 10.0  # the peak lies this much below the rate at which the loss is lowest: beyond that one it no longer falls


@dataclass(frozen=True)
class RangeTest:
    """What `training.scheduler_params` may say for AUTO_LR.

    Args:
        lowest_lr, highest_lr: of the first and the last step; it rises by the same factor each step.
        test_steps: how many.
        start_share: where the schedule starts, as a share of its peak.
    """

    lowest_lr: float = 1e-6
    highest_lr: float = 1.0
    test_steps: int = 100
    start_share: float = 0.1

    def __post_init__(self) -> None:
        if not 0 < self.lowest_lr < self.highest_lr or self.test_steps < 20 or not 0 < self.start_share <= 1:
            raise ConfigError(
                f"scheduler AUTO_LR: lowest_lr {self.lowest_lr} must be above 0 and below highest_lr {self.highest_lr}, "
                f"test_steps {self.test_steps} be 20 or more, and start_share {self.start_share} be above 0 and at most 1"
            )

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0."""
        return self.lowest_lr * float((self.highest_lr / self.lowest_lr) ** (step / (self.test_steps - 1)))


def searches(training: TrainingConfig) -> bool:
    """Whether the rate is to be found first."""
    return canonical(training.scheduler) == NAME


def settle_rates(
    learner: Learner, batches: Callable[[int], Iterator[Windows]], device: Device, stop: Callable[[], bool] = lambda: False
) -> TrainingConfig:
    """The learner's section with `lr` and `lr_onecycle_max` as found where its scheduler is AUTO_LR; as it is elsewhere.

    The learning-rate range test (Smith, arXiv:1506.01186): the rate rises from step to step on training batches, and the peak
    becomes a tenth of that at which the smoothed loss is lowest. Weights, buffers and random state come back as they were. It
    draws what its seed says, so each of several devices finds the same.

    Args:
        batches: how many -> the training's first batches.
        stop: asked before each step; ends the test early.
    Raises:
        ConfigError: if a parameter is unknown or makes no sense, or no rate makes the loss fall.
    """
    training = learner.training_config
    if not searches(training):
        return training
    test = build({NAME: RangeTest}, NAME, "scheduler", training.scheduler_params)
    losses = _losses(learner.to(device.device), batches(test.test_steps), test, device, stop)
    if stop():
        return training.model_copy(update={"scheduler_params": {}})
    peak = test.rate(lowest(losses, test.test_steps)) / BELOW
    rates = {"lr": peak * test.start_share, "lr_onecycle_max": peak}
    log.info("AUTO_LR found training.lr_onecycle_max %.2g and training.lr %.2g in %d steps", peak, rates["lr"], len(losses))
    return training.model_copy(update={**rates, "scheduler_params": {}})


def lowest(losses: list[float], steps: int) -> int:
    """The step at which the smoothed loss is lowest, before it rises to several times that.

    Args:
        losses: of the steps that there were.
        steps: that were meant.
    Raises:
        ConfigError: if it never falls.
    """
    best, at, mean = math.inf, 0, 0.0
    memory = 1 - 1 / (SMOOTHED * steps)
    for step, loss in enumerate(losses):
        mean = memory * mean + (1 - memory) * loss
        smooth = mean / (1 - memory ** (step + 1))  # the first steps have no past to lean on (Adam's correction)
        if not math.isfinite(smooth) or smooth > DIVERGED * best:
            break
        if smooth < best:
            best, at = smooth, step
    if at < SMOOTHED * steps:
        raise ConfigError(
            f"AUTO_LR found no rate at which the loss falls in {len(losses)} steps: lower training.scheduler_params.lowest_lr, "
            "or choose ONECYCLE and a training.lr_onecycle_max"
        )
    return at


def _losses(learner: Learner, batches: Iterator[Windows], test: RangeTest, device: Device, stop: Callable[[], bool]) -> list[float]:
    """The loss of each step, until it is no number, the batches end, or someone asks to stop."""
    losses: list[float] = []
    with _put_back(learner, device) as optimizer:
        for step, windows in enumerate(batches):
            if stop():
                break
            for group in optimizer.param_groups:
                group["lr"] = test.rate(step)
            losses.append(_step(learner, optimizer, windows, step, device))
            if not math.isfinite(losses[-1]):
                break
    return losses


def _step(learner: Learner, optimizer: Optimizer, windows: Windows, step: int, device: Device) -> float:
    moved: list[Tensor] = [tensor.to(device.device, non_blocking=True) for tensor in windows]
    optimizer.zero_grad()
    with torch.autocast(device.device.type, torch.bfloat16, enabled="bf16" in device.precision):
        loss = learner.loss_of((moved[0], moved[1], moved[2]), step)
    loss.backward()  # type: ignore[no-untyped-call]
    optimizer.step()
    return float(loss.detach())


@contextmanager
def _put_back(learner: Learner, device: Device) -> Iterator[Optimizer]:
    """An optimizer for a trial; what it did to weights, buffers, modes and random state is undone."""
    config, network = learner.training_config, learner.network
    before = {key: tensor.detach().clone() for key, tensor in network.state_dict().items()}
    training = network.training
    gpus = [device.device.index or 0] if device.device.type == "cuda" else []
    with torch.random.fork_rng(gpus):
        try:
            weights = groups(network.train(), config.weight_decay)
            yield build(OPTIMIZERS, config.optimizer, "optimizer", config.optimizer_params, groups=weights, lr=config.lr)
        finally:
            network.load_state_dict(before)
            network.train(training).zero_grad()
