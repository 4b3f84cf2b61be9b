"""What a person sees of a training: a bar with the metrics that matter on a terminal, a plain line now and then elsewhere."""

import logging
import sys
import time
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from components.progress import PLAIN_EVERY_S
from components.training.lightning_import import pl

log = logging.getLogger(__name__)
BAR_EVERY_S = 0.5  # reading a number off a GPU makes the step wait for it


class Watch(pl.Callback):  # type: ignore[misc]
    """Shows steps, loss, learning rate, val's F1 once there is one, and how many windows a second train (validation apart).

    Put it before the callback that validates, whose time would count as the step's otherwise.

    Args:
        steps: of the whole training.
        devices: that take as many windows as this one.
    """

    def __init__(self, steps: int, devices: int = 1) -> None:
        self._steps, self._devices = steps, devices
        self._bar = _bar() if sys.stderr.isatty() else None
        self._every_s = BAR_EVERY_S if self._bar else PLAIN_EVERY_S
        self._shown = self._began = time.monotonic()
        self._windows, self._busy_s = 0, 0.0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._bar:
            self._bar.start()
            if not self._bar.tasks:
                self._bar.add_task("training", total=self._steps, numbers="")

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        self._began = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        now, step = time.monotonic(), module.step
        self._windows, self._busy_s = self._windows + len(batch[0]) * self._devices, self._busy_s + now - self._began
        if now - self._shown < self._every_s and step < self._steps:
            return
        numbers = f"{describe(trainer)}, {self._windows / self._busy_s:.0f} windows/s"
        if self._bar:
            self._bar.update(self._bar.task_ids[0], completed=step, numbers=numbers)
        else:
            log.info("step %d of %d: %s", step, self._steps, numbers)
        self._windows, self._busy_s, self._shown = 0, 0.0, now

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if self._bar:
            self._bar.stop()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        if self._bar:
            self._bar.stop()


def describe(trainer: pl.Trainer) -> str:
    """`loss 0.312, lr 8.1e-04, val F1 0.712`."""
    known = trainer.callback_metrics
    parts = [f"loss {float(known['train_loss']):.3f}", f"lr {trainer.optimizers[0].param_groups[0]['lr']:.1e}"]
    return ", ".join([*parts, f"val F1 {float(known['val_f1']):.3f}"] if "val_f1" in known else parts)


def _bar() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        TextColumn("{task.fields[numbers]}"),
    )
    return Progress(*columns, console=Console(stderr=True))
