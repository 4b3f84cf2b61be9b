"""Validation while training: val's clips are scored every so often, and the weights with the best metric are kept on disk."""

import logging
import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors.torch import load_file, save

from components.config import TrainingConfig
from components.errors import ConfigError
from components.evaluation import Metrics, measure, tune_thresholds
from components.files import write_whole
from components.menus import choose
from components.network import Network
from components.store import Store
from components.tagger import TaggerSettings
from components.training.history import Row, write_history
from components.training.interrupt import Interrupt
from components.training.lightning_import import pl
from components.training.scoring import score_clips

log = logging.getLogger(__name__)

METRICS: dict[str, Callable[[Metrics], float]] = {
    "VAL_F1": lambda metrics: metrics.values["f1"],
    "VAL_HAMMING": lambda metrics: -metrics.values["hamming_distance"],
}
"""How good a tagger is, more being better, over all of val's clips at thresholds tuned on the same clips."""


@dataclass(frozen=True, eq=False)
class Best:
    """The best validation so far: when, how good, the clip scores [clip, label] and thresholds [label]."""

    step: int
    metrics: Metrics
    value: float
    scores: npt.NDArray[np.float32]
    thresholds: npt.NDArray[np.float32]


class Selection(pl.Callback):  # type: ignore[misc]
    """Judges the network every `val_every_steps`, after the last step, and once before an interrupted training ends without.

    Of two equal ones the later is kept. Files: `history.csv` and `checkpoints/best.safetensors` in the run folder, each written whole.

    Args:
        network: what is judged.
        val: the clips to judge it on.
        settings: how clips are cut and pooled.
        interrupt: ends the training after a batch.
    """

    def __init__(
        self, network: Network, val: Store, settings: TaggerSettings, training: TrainingConfig, run_folder: Path, interrupt: Interrupt
    ) -> None:
        self.best: Best | None = None
        self._network, self._val, self._settings, self._interrupt = network, val, settings, interrupt
        self._value = choose(METRICS, training.metric, "metric")
        self._every = training.val_every_steps
        self._history, self._weights = run_folder / "history.csv", run_folder / "checkpoints" / "best.safetensors"
        self._targets, self._mask = val.manifest.targets()
        self._rows: list[Row] = []
        self._lr, self._loss, self._batches = 0.0, 0.0, 0

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        self._lr = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._loss, self._batches = self._loss + outputs["loss"].detach(), self._batches + 1
        step = trainer.global_step
        ends_unjudged = self._interrupt.asked and self.best is None
        if step % self._every == 0 or step == trainer.max_steps or ends_unjudged:
            row = self._judge(step)
            module.log_dict({"val_f1": row.val_f1, "val_map": row.val_map})
        if self._interrupt.asked:
            trainer.should_stop = True

    def restore(self) -> Best:
        """Put the best weights into the network and say which they are."""
        if self.best is None:
            raise RuntimeError("restore() needs a validation first")
        self._network.load_state_dict(load_file(self._weights))
        return self.best

    def _judge(self, step: int) -> Row:
        loss = float(self._loss) / self._batches
        if not math.isfinite(loss):
            raise ConfigError(f"the loss is {loss} at step {step}: lower training.lr_onecycle_max, or set training.precision to 32")
        scores = score_clips(self._network, self._val, self._settings)
        thresholds = tune_thresholds(scores, self._targets, self._mask, self._settings.task)
        metrics = measure(scores, self._targets, self._mask, thresholds, self._settings.label_set, task=self._settings.task)
        row = Row(step, loss, metrics.values["f1"], metrics.values["mAP"], self._lr)
        log.info("step %d: loss %.3f, val F1 %.3f, val mAP %.3f", step, loss, row.val_f1, row.val_map)
        self._rows.append(row)
        write_history(self._rows, self._history)
        if self.best is None or self._value(metrics) >= self.best.value:
            self.best = Best(step, metrics, self._value(metrics), scores, thresholds)
            tensors = {key: tensor.detach().cpu().contiguous() for key, tensor in self._network.state_dict().items()}
            write_whole(self._weights, save(tensors))
        self._loss, self._batches = 0.0, 0
        return row
