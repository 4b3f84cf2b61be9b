"""TensorBoard events in the run folder: loss, rate, metrics per label, a spectrogram and the map of confusions."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from components.config import Task
from components.evaluation import Metrics, decide
from components.training.lightning_import import pl
from components.training.selection import Selection

FOLDER = "tensorboard"
EVERY = 10  # steps between two points of the loss
DARK = 0.72  # up to this share black has the stronger contrast (WCAG) on its blue, and beyond it white
LABEL_METRICS = ("f1", "precision", "recall", "average_precision")


class Board(pl.Callback):  # type: ignore[misc]
    """Writes events; put it after the callback that judges.

    Args:
        selection: whose validations are shown.
    """

    def __init__(self, selection: Selection, run_folder: Path) -> None:
        self._selection, self._folder = selection, run_folder / FOLDER
        self._writer: Any = None
        self._pictured = False

    def on_train_start(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        from torch.utils.tensorboard import SummaryWriter  # takes seconds

        self._writer = SummaryWriter(str(self._folder), max_queue=100)

    def on_train_batch_start(self, trainer: pl.Trainer, module: pl.LightningModule, batch: Any, batch_idx: int) -> None:
        if not self._pictured:
            self._pictured = True
            picture = spectrogram(module.network.transform, batch[0][:1])
            if picture is not None:
                self._writer.add_image("model_input", picture, module.step)

    def on_train_batch_end(self, trainer: pl.Trainer, module: pl.LightningModule, outputs: Any, batch: Any, batch_idx: int) -> None:
        if (batch_idx + 1) % trainer.accumulate_grad_batches:
            return
        step = module.step
        if step % EVERY == 0 or self._selection.judged(step):
            self._writer.add_scalar("train/loss", float(outputs["loss"]) * trainer.accumulate_grad_batches, step)
            self._writer.add_scalar("train/rate", trainer.optimizers[0].param_groups[0]["lr"], step)
        if self._selection.judged(step) and self._selection.latest:
            _, metrics, scores = self._selection.latest
            self._show(metrics, scores, step)

    def on_train_end(self, trainer: pl.Trainer, module: pl.LightningModule) -> None:
        self._writer.close()

    def on_exception(self, trainer: pl.Trainer, module: pl.LightningModule, exception: BaseException) -> None:
        if self._writer:
            self._writer.close()

    def _show(self, metrics: Metrics, scores: npt.NDArray[np.float32], step: int) -> None:
        for name in ("f1", "mAP", "precision", "recall", "hamming_distance"):
            self._writer.add_scalar(f"val/{name}", metrics.values[name], step)
        for row in metrics.per_label.to_dict("records"):
            for name in LABEL_METRICS:
                if np.isfinite(row[name]):
                    self._writer.add_scalar(f"val_{name}/{row['full_name']}", row[name], step)
        targets, mask = self._selection.truth
        self._writer.add_image("val/confusion", confusion(scores, targets, mask, metrics, self._selection.task), step)


@torch.no_grad()
def spectrogram(transform: Callable[[Tensor], Tensor], waveforms: Tensor) -> Tensor | None:
    """The first window as the model sees it, low frequencies below: [1, freq, frame], 0 to 1; None where it is no picture."""
    seen = transform(waveforms)[0].float().cpu()
    if seen.ndim < 2:
        return None
    picture = seen.reshape(-1, *seen.shape[-2:])[0].flip(0)[None]
    return (picture - picture.min()) / (picture.max() - picture.min()).clamp(min=1e-9)


def confusion(
    scores: npt.NDArray[np.float32],
    targets: npt.NDArray[np.float32],
    mask: npt.NDArray[np.float32],
    metrics: Metrics,
    task: Task = "multilabel",
) -> npt.NDArray[np.uint8]:
    """A picture [3, height, width] of how often each label is reported (column) for clips that have another (row) and not itself.

    On the diagonal stands the label's own recall. Several labels at once have no confusion matrix; this shows what is taken for what.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    decided = decide(scores, metrics.per_label["threshold"].to_numpy(np.float32), task)
    shares = taken_for(decided, targets > 0, mask > 0)
    codes = list(metrics.per_label["label"])
    size = max(3.0, 0.45 * len(codes) + 1)
    figure = Figure(figsize=(size, size), layout="constrained")
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set_xticks(range(len(codes)), codes, rotation=90)
    axes.set_yticks(range(len(codes)), codes)
    axes.set(xlabel="reported", ylabel="true")
    for (row, column), share in np.ndenumerate(shares):
        if np.isfinite(share):
            axes.text(column, row, f"{share:.1f}", ha="center", va="center", fontsize=7, color="white" if share > DARK else "black")
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    picture: npt.NDArray[np.uint8] = np.asarray(canvas.buffer_rgba())[..., :3].transpose(2, 0, 1).copy()
    return picture


def taken_for(decided: npt.NDArray[np.bool_], targets: npt.NDArray[np.bool_], known: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Shares [true, reported]: of the clips that have a label and lack another, how many are given that other; NaN where there are none.

    Args:
        decided, targets, known: [clip, label].
    """
    has = (targets & known).astype(np.float64)
    lacks = (~targets & known).astype(np.float64)
    found, asked = has.T @ (lacks * decided), has.T @ lacks
    own, support = (has * decided).sum(axis=0), has.sum(axis=0)
    np.fill_diagonal(found, own)
    np.fill_diagonal(asked, support)
    return np.divide(found, asked, out=np.full_like(found, np.nan), where=asked > 0)
