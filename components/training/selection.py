"""Validation while training: val's clips are scored every so often, and the weights with the best metric are kept on disk."""

import logging
from collections.abc import Callable
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file, save

from components.config import Task, TrainingConfig
from components.evaluation import Metrics, measure, tune_thresholds
from components.files import write_whole
from components.network import Network
from components.store import Store
from components.tagger import TaggerSettings
from components.training.history import Row, write_history
from components.training.interrupt import Interrupt
from components.training.lightning_import import pl
from components.training.metric import metric_of
from components.training.run_folder import BEST
from components.training.scoring import score_clips
from components.training.team import ALONE, Team

log = logging.getLogger(__name__)

Judged = Callable[[int, float], None]
"""Is told of each validation: the step, and how good the tagger is, more being better. What it raises ends the training."""


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

    Of two equal ones the later is kept, but counts as no better where `patience` waits for one.
    Files: `history.csv` and `checkpoints/best.safetensors` in the run folder, each written whole.

    Args:
        network: what is judged: the one that learns, or its average.
        val: the clips to judge it on.
        settings: how clips are cut and pooled.
        interrupt: ends the training after a step.
        team: the first of several devices judges and writes; the others wait and take its word.
        judged: is told of each validation.
    Raises:
        ConfigError: if `metric_mode` would keep the worst.
    """

    def __init__(
        self,
        network: Network,
        val: Store,
        settings: TaggerSettings,
        training: TrainingConfig,
        run_folder: Path,
        interrupt: Interrupt,
        team: Team = ALONE,
        judged: Judged | None = None,
    ) -> None:
        self.best: Best | None = None
        self.latest: tuple[Row, Metrics, npt.NDArray[np.float32]] | None = None
        self.out_of_patience = False
        self._network, self._val, self._settings, self._interrupt = network, val, settings, interrupt
        self._value, self._training, self._team, self._told = metric_of(training), training, team, judged
        self._history, self._weights = run_folder / "history.csv", run_folder / BEST
        self._targets, self._mask = val.manifest.targets()
        self._rows: list[Row] = []
        self._lr, self._loss, self._batches, self._no_better = 0.0, 0.0, 0, 0

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        if module.step == module.phase.first:
            self._no_better = 0  # the head alone may have stopped getting better; what comes now may

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        self._lr = float(trainer.optimizers[0].param_groups[0]["lr"])

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        self._loss, self._batches = self._loss + outputs["loss"].detach(), self._batches + 1
        if (batch_idx + 1) % self._training.accumulate:
            return
        ends_unjudged = self._interrupt.asked and self.best is None
        if module.step % self._training.val_every_steps == 0 or module.step == module.steps or ends_unjudged:
            losses = self._team.gather(float(self._loss))
            self._loss = sum(losses) / max(len(losses), 1)
            found, self.latest, self.best, self._no_better = self._team.from_first(lambda: self._verdict(module.step))
            self._loss, self._batches = 0.0, 0
            module.log_dict(found)
            self.out_of_patience = self._training.patience is not None and self._no_better >= self._training.patience
        if self.out_of_patience:
            log.info("step %d: no better %s in %d validations, so training ends", module.step, self._training.metric, self._no_better)
        if self._interrupt.asked or self.out_of_patience:
            trainer.should_stop = True

    @property
    def truth(self) -> tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]:
        """Val's targets and mask [clip, label]."""
        return self._targets, self._mask

    @property
    def task(self) -> Task:
        return self._settings.task

    def judged(self, step: int) -> bool:
        """Whether val's clips were scored after this step."""
        return self.latest is not None and self.latest[0].step == step

    def restore(self) -> Best:
        """Put the best weights into the network and say which they are."""
        if self.best is None:
            raise RuntimeError("restore() needs a validation first")
        self._network.load_state_dict(load_file(self._weights))
        return self.best

    def state(self, step: int) -> dict[str, Any]:
        """What a resumed training must know; the best weights too, unless they are those of this step."""
        found = {
            "rows": [astuple(row) for row in self._rows],
            "loss": torch.as_tensor(self._loss).cpu(),
            "batches": self._batches,
            "no_better": self._no_better,
        }
        if self.best is None:
            return found
        judged = {
            "step": self.best.step,
            "scores": torch.from_numpy(self.best.scores),
            "thresholds": torch.from_numpy(self.best.thresholds),
        }
        return {**found, "best": judged, "weights": None if self.best.step == step else load_file(self._weights)}

    def load(self, state: dict[str, Any]) -> None:
        """Go on from `state`, after the network's own weights were put back."""
        self._rows = [Row(*row) for row in state["rows"]]
        self._batches, self._no_better = state["batches"], state["no_better"]
        self._loss = state["loss"].to(self._network.mean.device) if self._batches else 0.0
        if "best" not in state:
            return
        scores, thresholds = state["best"]["scores"].numpy(), state["best"]["thresholds"].numpy()
        metrics = self._measure(scores, thresholds)
        self.best = Best(state["best"]["step"], metrics, self._value(metrics), scores, thresholds)
        if self._team.first:
            self._write_weights(state["weights"] or self._network.state_dict())
            write_history(self._rows, self._history)

    def _verdict(self, step: int) -> tuple[dict[str, float], Any, Best | None, int]:
        """What a schedule may watch, and what of this object a judgement changes beside the loss."""
        found = self._judge(step)
        return found, self.latest, self.best, self._no_better

    def _judge(self, step: int) -> dict[str, float]:
        """What a schedule may watch."""
        loss = float(self._loss) * self._training.accumulate / self._batches
        scores = score_clips(self._network, self._val, self._settings)
        thresholds = tune_thresholds(scores, self._targets, self._mask, self._settings.task)
        metrics = self._measure(scores, thresholds)
        row = Row(step, loss, metrics.values["f1"], metrics.values["mAP"], self._lr)
        log.info("step %d: loss %.3f, val F1 %.3f, val mAP %.3f", step, loss, row.val_f1, row.val_map)
        self._rows.append(row)
        write_history(self._rows, self._history)
        value, self.latest = self._value(metrics), (row, metrics, scores)
        self._no_better = 0 if self.best is None or value > self.best.value else self._no_better + 1
        if self.best is None or value >= self.best.value:
            self.best = Best(step, metrics, value, scores, thresholds)
            self._write_weights(self._network.state_dict())
        if self._told is not None:
            self._told(step, value)
        return {"val_f1": row.val_f1, "val_map": row.val_map, "val_hamming": metrics.values["hamming_distance"]}

    def _measure(self, scores: npt.NDArray[np.float32], thresholds: npt.NDArray[np.float32]) -> Metrics:
        settings = self._settings
        return measure(scores, self._targets, self._mask, thresholds, settings.label_set, task=settings.task)

    def _write_weights(self, tensors: dict[str, torch.Tensor]) -> None:
        write_whole(self._weights, save({key: tensor.detach().cpu().contiguous() for key, tensor in tensors.items()}))
