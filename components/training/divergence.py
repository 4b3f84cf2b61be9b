"""Stops a training whose loss or weights are no longer numbers, before they are judged or kept."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from components.errors import ConfigError
from components.training.interrupt import Interrupt
from components.training.lightning_import import pl
from components.training.run_folder import LAST

GPU_EVERY = 20  # batches; reading a loss off a GPU makes the step wait for it
NAMED = 5


class Divergence(pl.Callback):  # type: ignore[misc]
    """Looks at every loss, and at the weights before each validation; put it before the callbacks that judge and average.

    Args:
        clips: the ids of a batch's clips, by its number in the whole training.
        val_every_steps: how often the weights are judged.
        interrupt: may end the training, and then they are judged too.
    Raises:
        ConfigError: from the training, with the step, the batch and its clips.
    """

    def __init__(self, clips: Callable[[int], list[str]], val_every_steps: int, run_folder: Path, interrupt: Interrupt) -> None:
        self._clips, self._every, self._kept, self._interrupt = clips, val_every_steps, run_folder / LAST, interrupt
        self._losses: list[tuple[int, int, Tensor]] = []

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        number = module.first_step * trainer.accumulate_grad_batches + batch_idx
        at = number // trainer.accumulate_grad_batches + 1
        self._losses.append((at, number, outputs["loss"].detach()))
        judged = self._interrupt.asked or at % self._every == 0 or at == module.phase.last
        if judged or module.device.type == "cpu" or len(self._losses) >= GPU_EVERY:
            self._look()
        if judged and not all(bool(torch.isfinite(parameter).all()) for parameter in module.network.parameters()):
            raise self._error("weights are not finite", at, number)

    def _look(self) -> None:
        values = torch.stack([loss for _, _, loss in self._losses]).tolist()
        for (step, number, _), value in zip(self._losses, values, strict=True):
            if value - value != 0:
                raise self._error(f"loss is {value}", step, number)
        self._losses.clear()

    def _error(self, what: str, step: int, number: int) -> ConfigError:
        clips = self._clips(number)
        names = ", ".join(clips[:NAMED]) + (f" and {len(clips) - NAMED} more" if len(clips) > NAMED else "")
        kept = f"; the last good state is in {self._kept}" if self._kept.exists() else ""
        return ConfigError(
            f"the {what} at step {step} (batch {number + 1}: {names}): lower training.lr_onecycle_max, set training.clip_norm to 1, "
            f"or set training.precision to 32{kept}"
        )
