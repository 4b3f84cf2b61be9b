"""The parts of a training: all at once, or the head alone first and then what follows a layer of the backbone."""

from dataclasses import dataclass
from typing import Any

from torch.optim import Optimizer

from components.config import TrainingConfig
from components.errors import ConfigError
from components.menus import build
from components.models.layers import CLASSIFIER
from components.training.schedulers import SCHEDULERS
from components.training.schedulers.geometric import geometric


@dataclass(frozen=True)
class Phase:
    """Consecutive steps with one optimizer and one schedule.

    Args:
        first: the step before which it begins, counted from the whole training's start.
        last: the step with which it ends.
        after: the layer after which everything learns; none: the whole network.
        warm_up: the rate goes from `lr_warmup` to `lr` instead of by the schedule.
    """

    first: int
    last: int
    after: str | None = None
    warm_up: bool = False

    @property
    def steps(self) -> int:
        return self.last - self.first

    def schedule(self, optimizer: Optimizer, training: TrainingConfig) -> dict[str, Any]:
        """What the menu of schedulers gives for the steps of this phase."""
        if self.warm_up:
            return geometric(optimizer, self.steps, training.lr_warmup, training.lr)
        known: dict[str, Any] = {"steps": self.steps, "lr": training.lr, "lr_max": training.lr_onecycle_max}
        known |= {"val_every_steps": training.val_every_steps, "metric": training.metric}
        return build(SCHEDULERS, training.scheduler, "scheduler", training.scheduler_params, optimizer=optimizer, **known)


def plan_phases(training: TrainingConfig, steps: int, steps_an_epoch: int) -> list[Phase]:
    """One phase, or with `finetune_head` two.

    Args:
        steps: of the whole training.
        steps_an_epoch: optimizer steps, not batches.
    Raises:
        ConfigError: if the head's epochs leave no step for the rest.
    """
    if not training.finetune_head:
        return [Phase(0, steps, training.backbone_after)]
    head = steps // 2 if training.quick else training.finetune_head_epochs * steps_an_epoch
    if head >= steps:
        raise ConfigError(
            f"training.finetune_head_epochs takes {head} steps of the {steps} that training has: lower it, or raise training.epochs "
            "or training.max_steps"
        )
    return [Phase(0, head, training.head_after or CLASSIFIER, warm_up=True), Phase(head, steps, training.backbone_after)]
