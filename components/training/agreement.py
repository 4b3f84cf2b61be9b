"""Several devices end after the same step: the first says when."""

from typing import Any

from components.training.interrupt import Interrupt
from components.training.lightning_import import pl
from components.training.team import Team


class Agreement(pl.Callback):  # type: ignore[misc] # Lightning's types are unknown here
    """After each batch all devices know whether someone asked to end; put it before the callbacks that act on it."""

    def __init__(self, team: Team, interrupt: Interrupt) -> None:
        self._team, self._interrupt = team, interrupt

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._interrupt.asked = self._interrupt.asked or self._team.from_first(self._team.asked_to_end)
