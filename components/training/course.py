"""A whole training: its phases one after the other, judged, averaged and kept, from the start or from a checkpoint."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from components.errors import ConfigError
from components.network import Network
from components.pace import Report
from components.progress import Progress, quiet
from components.store import Store
from components.tagger import TaggerSettings
from components.training.agreement import Agreement
from components.training.averaging import Averaging
from components.training.board import Board
from components.training.checkpoint import State, random_state, training_state, write_checkpoint
from components.training.compiler import failures, not_compiled
from components.training.device import Device
from components.training.divergence import Divergence
from components.training.interrupt import Interrupt
from components.training.learner import Learner
from components.training.lightning_import import pl
from components.training.loader import Loader
from components.training.loop import run
from components.training.pacer import Pacer
from components.training.plan import Plan
from components.training.run_folder import LAST
from components.training.selection import Judged, Selection
from components.training.team import Team
from components.training.watch import Watch

log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Ground:
    """What a training stands on.

    Args:
        known: `about` it, for its checkpoints.
        team: which of several devices this is.
        judged: is told of each validation.
        report: is told how far the training is.
    """

    network: Network
    train: Store
    val: Store
    plan: Plan
    settings: TaggerSettings
    device: Device
    run_folder: Path
    interrupt: Interrupt
    known: dict[str, Any]
    team: Team
    judged: Judged | None = None
    report: Report | None = None


class Course:
    """Trains the learners' phases.

    Args:
        learners: one a phase, over the ground's network.
        progress: shows the training unless it is `quiet`.
        state: of a checkpoint, to go on from.
    Attributes:
        judged: the network that is judged and kept: the one that learns, or its average.
    """

    def __init__(self, ground: Ground, learners: Sequence[Learner], progress: Progress, state: State | None) -> None:
        self._ground, self._learners, self._progress = ground, learners, progress
        self._training = learners[0].training_config
        if state:
            ground.network.load_state_dict(state["network"])
        averages = self._training.ema_decay if ground.team.first else None
        self._averaging = Averaging(ground.network, averages) if averages else None
        self.judged = self._averaging.average if self._averaging else ground.network
        self.selection = Selection(
            self.judged,
            ground.val,
            ground.settings,
            self._training,
            ground.run_folder,
            ground.interrupt,
            ground.team,
            ground.judged,
        )
        if state:
            self._resume(state)

    def run(self) -> None:
        """Train to the end, or until a person or a lack of progress ends it.

        Raises:
            ConfigError: if the training diverges, or does not fit the GPU's memory.
        """
        callbacks = self._callbacks()
        for learner in self._learners:
            stopped = self._ground.interrupt.asked and self.selection.best is not None  # else a step is done, for there to be a best
            if stopped or self.selection.out_of_patience or learner.first_step >= learner.phase.last:
                continue
            try:
                self._run(learner, callbacks)
            except torch.OutOfMemoryError:
                raise out_of_memory(learner) from None
            except Exception as error:
                if learner.training_config.compile and isinstance(error, failures()):
                    raise not_compiled(error) from error
                raise

    def _run(self, learner: Learner, callbacks: list[pl.Callback]) -> None:
        ground, accumulate = self._ground, self._training.accumulate
        gpu = ground.device.device.type == "cuda"
        loader = Loader(ground.train, ground.plan, learner.phase.last * accumulate, learner.first_step * accumulate, in_advance=gpu)
        learner.after_step = self._keep
        run(learner, loader, callbacks, ground.device, ground.team, ground.run_folder)

    def _callbacks(self) -> list[pl.Callback]:
        ground, first = self._ground, self._ground.team.first
        shown, drawn = first and self._progress is not quiet, first and self._training.tensorboard
        return [
            *([Agreement(ground.team, ground.interrupt)] if ground.team.world > 1 else []),
            Divergence(self._clips, self._training.val_every_steps, ground.run_folder, ground.interrupt),
            *([self._averaging] if self._averaging else []),
            *([Watch(self._learners[0].steps, ground.team.world)] if shown else []),
            *([self._pacer(ground.report)] if first and ground.report else []),
            self.selection,
            *([Board(self.selection, ground.run_folder)] if drawn else []),
        ]

    def _pacer(self, report: Report) -> Pacer:
        return Pacer(report, self.selection, self._ground.plan.steps_per_epoch / self._training.accumulate)

    def _clips(self, batch: int) -> list[str]:
        (places, _), *_ = self._ground.plan.windows(range(batch, batch + 1))
        return [str(clip) for clip in self._ground.train.manifest.frame["clip_id"].iloc[places]]

    def _keep(self, learner: Learner) -> None:
        """After a validation, or when someone asked to end, everything that is needed to go on."""
        if not (self._ground.interrupt.asked or self.selection.judged(learner.step)):
            return
        random = self._ground.team.gather(random_state(learner))
        if not self._ground.team.first:
            return
        average = self._averaging.average.state_dict() if self._averaging else None
        state = {**training_state(learner, random), "average": average, "selection": self.selection.state(learner.step)}
        write_checkpoint(self._ground.run_folder / LAST, state, self._ground.known)

    def _resume(self, state: State) -> None:
        step, steps = state["step"], self._learners[0].steps
        own = self._training.ckpt == str(self._ground.run_folder)  # then it was cut off after its last step, and is only sealed
        if step > steps or (step == steps and not own):
            raise ConfigError(
                f"training.ckpt: it is at step {step} and this training ends at step {steps}: raise training.max_steps or epochs"
            )
        if self._averaging:
            self._averaging.average.load_state_dict(state["average"])
        self.selection.load(state["selection"])
        for learner in self._learners:
            learner.first_step = min(max(step, learner.phase.first), learner.phase.last)
            if learner.phase.first <= step < learner.phase.last:
                learner.resumed = state
        log.info("resumed after step %d of %d", step, steps)


def out_of_memory(learner: Learner) -> ConfigError:
    """What to lower when the GPU is full."""
    training = learner.training_config
    return ConfigError(
        f"the GPU's memory does not hold a batch of {training.batch_size} windows: lower training.batch_size (and raise "
        f"training.accumulate, now {training.accumulate}, by as much), windows.length_s, or choose a smaller model"
    )
