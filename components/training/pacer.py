"""Tells how far a training is, every few seconds."""

import math
import time
from typing import Any

from components.pace import Pace, Report
from components.training.lightning_import import pl
from components.training.selection import Selection

EVERY_S = 2.0


class Pacer(pl.Callback):  # type: ignore[misc]
    """Put it before the callback that judges, so that who finds a whole training's checkpoint was told that it is whole.

    Args:
        report: is told.
        selection: whose validations are told of.
        steps_per_epoch: optimizer steps in a pass over the clips.
    """

    def __init__(self, report: Report, selection: Selection, steps_per_epoch: float) -> None:
        self._report, self._selection, self._steps_per_epoch = report, selection, max(steps_per_epoch, 1e-9)
        self._told = -math.inf

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        if time.monotonic() - self._told >= EVERY_S or module.step == module.steps:
            self._tell(module)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._tell(module)

    def _tell(self, module: pl.LightningModule) -> None:
        row = self._selection.latest[0] if self._selection.latest else None
        metrics = {} if row is None else {"train_loss": row.train_loss, "val_f1": row.val_f1, "val_map": row.val_map, "lr": row.lr}
        step, steps = module.step, module.steps
        self._report(Pace(step, steps, self._passes(step), self._passes(steps), metrics))
        self._told = time.monotonic()

    def _passes(self, steps: int) -> int:
        return math.ceil(steps / self._steps_per_epoch)
