"""The Lightning module: augmentations, network, loss, optimizer and schedule."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Generator, Tensor

from components.augmentations import AUGMENTATIONS, Batch, Chance
from components.config import AugmentationConfig, TrainingConfig
from components.losses import Loss
from components.menus import build
from components.network import Network
from components.training.lightning_import import pl
from components.training.loader import Windows
from components.training.optimizers import OPTIMIZERS, groups
from components.training.schedulers import SCHEDULERS


class Learner(pl.LightningModule):  # type: ignore[misc]
    """One step: waveforms -> augmented -> model input -> augmented -> logits -> loss, all in batch on the training device.

    Args:
        network: what learns.
        loss: of logits, targets and mask.
        training: the section that names the rest.
        sample_rate: of the waveforms, in Hz.
        steps: optimizer steps in the whole training.
    """

    def __init__(self, network: Network, loss: Loss, training: TrainingConfig, sample_rate: int, steps: int) -> None:
        super().__init__()
        self.network, self.loss, self.training_config, self.steps = network, loss, training, steps
        self._chances = augmentations(training.augmentations, sample_rate, network.feature.frame_s)

    def training_step(self, windows: Windows, batch_idx: int) -> Tensor:
        loss = self.loss_of(windows, batch_idx)
        self.log("train_loss", loss)
        return loss

    def loss_of(self, windows: Windows, batch_idx: int) -> Tensor:
        """The loss of one step's windows, augmented with the draws of that step."""
        generator = step_generator(self.training_config.seed, batch_idx, self.global_rank)
        batch = self._augment(Batch(*windows), "waveform", generator)
        batch = Batch(self.network.transform(batch.inputs), batch.targets, batch.mask)
        batch = self._augment(batch, "spectrogram", generator)
        return self.loss(self.network.classify(batch.inputs), batch.targets, batch.mask)

    def configure_optimizers(self) -> Any:
        config = self.training_config
        weights = groups(self.network, config.weight_decay)
        optimizer = build(OPTIMIZERS, config.optimizer, "optimizer", config.optimizer_params, groups=weights, lr=config.lr)
        known = {"steps": self.steps, "lr": config.lr, "lr_max": config.lr_onecycle_max, "val_every_steps": config.val_every_steps}
        schedule = build(SCHEDULERS, config.scheduler, "scheduler", config.scheduler_params, optimizer=optimizer, **known)
        return {"optimizer": optimizer, "lr_scheduler": schedule}

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
