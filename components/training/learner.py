"""The Lightning module: augmentations, network, loss, optimizer and schedule."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from components.augmentations import AUGMENTATIONS, Batch, Chance
from components.config import AugmentationConfig, TrainingConfig
from components.losses import Loss
from components.losses.sharing import shared
from components.menus import build
from components.network import Network
from components.training.checkpoint import State, resume
from components.training.compiler import compiled
from components.training.layers import after, freeze, still
from components.training.lightning_import import pl
from components.training.loader import Windows
from components.training.optimizers import OPTIMIZERS, groups
from components.training.phases import Phase


class Learner(pl.LightningModule):  # type: ignore[misc]
    """One step: waveforms -> augmented -> model input -> augmented -> logits -> loss, all in batch on the training device.

    Args:
        network: what learns; what it has frozen itself stays so.
        loss: of logits, targets and mask.
        training: the section that names the rest.
        sample_rate: of the waveforms, in Hz.
        steps: optimizer steps in the whole training.
        phase: which of them are this one's; all of them, where it is none.
    Attributes:
        first_step: the step that the next one follows; a resumed training sets it.
        resumed: the state after that step, where it is taken from a checkpoint.
        after_step: called with the learner when a step is done, its schedule included.
    Raises:
        ConfigError: if a name or parameter is unknown.
    """

    def __init__(
        self, network: Network, loss: Loss, training: TrainingConfig, sample_rate: int, steps: int, phase: Phase | None = None
    ) -> None:
        super().__init__()
        self.network, self.loss, self.training_config, self.steps = network, loss, training, steps
        self.phase = phase or Phase(0, steps)
        self.first_step = self.phase.first
        self.after_step: Callable[[Learner], None] | None = None
        self.resumed: State | None = None
        self._learning = after(network, self.phase.after)
        self._trainable = {parameter for parameter in network.parameters() if parameter.requires_grad}
        self._classify: Callable[[Tensor], Tensor] | None = None
        self._chances = augmentations(training.augmentations, sample_rate, network.feature.frame_s)

    @property
    def step(self) -> int:
        """Optimizer steps taken since the whole training began."""
        return int(self.first_step + self.trainer.global_step)

    def training_step(self, windows: Windows, batch_idx: int) -> Tensor:
        with shared():
            loss = self.loss_of(windows, self.first_step * self.training_config.accumulate + batch_idx)
        self.log("train_loss", loss)
        return loss

    def loss_of(self, windows: Windows, batch: int) -> Tensor:
        """The loss of a batch, which draws its augmentations by its number in the whole training."""
        generator = step_generator(self.training_config.seed, batch, self.global_rank)
        drawn = self._augment(Batch(*windows), "waveform", generator)
        drawn = Batch(self.network.transform(drawn.inputs), drawn.targets, drawn.mask)
        drawn = self._augment(drawn, "spectrogram", generator)
        return self.loss((self._classify or self.network.classify)(drawn.inputs), drawn.targets, drawn.mask)

    def setup(self, stage: str) -> None:
        freeze(self.network, self._learning, self._trainable)
        if self.training_config.compile:  # not before, or a copy of this module would run the network that it is a copy of
            self._classify = compiled(self.network.classify)

    def configure_optimizers(self) -> Any:
        config = self.training_config
        weights = groups(self.network, config.weight_decay)
        optimizer = build(OPTIMIZERS, config.optimizer, "optimizer", config.optimizer_params, groups=weights, lr=config.lr)
        if config.clip_norm and config.precision == "fp16":
            # a fused step would scale the gradients back after they were clipped
            setattr(optimizer, "_step_supports_amp_scaling", False)  # noqa: B010
        self.schedule = self.phase.schedule(optimizer, config)
        return optimizer

    def on_train_start(self) -> None:
        self.network.train()
        still(self.network, self._learning)
        if self.resumed:
            resume(self, self.resumed)
            self.resumed = None

    def on_train_batch_end(self, outputs: Any, batch: Any, batch_idx: int) -> None:
        """The schedule is ours to step, not Lightning's, which would count anew after a resume."""
        if (batch_idx + 1) % self.training_config.accumulate:
            return
        if self.step % self.schedule.get("frequency", 1) == 0:
            monitor = self.schedule.get("monitor")
            self.schedule["scheduler"].step(*[self.trainer.callback_metrics[monitor]] if monitor else [])
        if self.after_step:
            self.after_step(self)

    def _augment(self, batch: Batch, stage: str, generator: Generator) -> Batch:
        for chance in self._chances:
            if chance.augmentation.stage == stage:
                batch = chance(batch, generator)
        return batch


def augmentations(sections: Sequence[AugmentationConfig], sample_rate: int, frame_s: float) -> list[Chance]:
    """The augmentations that the sections describe, in their order.

    Raises:
        ConfigError: if a name or parameter is unknown.
    """
    context = {"sample_rate": sample_rate, "frame_s": frame_s}
    return [Chance(build(AUGMENTATIONS, one.name, "augmentation", one.params, **context), one.probability) for one in sections]


def step_generator(seed: int, step: int, rank: int) -> Generator:
    """A CPU generator of the step's own: a resumed training draws what an unbroken one would, and devices draw apart."""
    state = np.random.SeedSequence([seed, step, rank]).generate_state(1, np.uint64)
    return torch.Generator().manual_seed(int(state[0]))
