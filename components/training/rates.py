"""The learning rate as it is planned, drawn before training begins."""

import io
import warnings
from pathlib import Path

import torch
from torch import nn

from components.config import TrainingConfig
from components.files import write_whole
from components.menus import build
from components.training.optimizers import OPTIMIZERS
from components.training.phases import Phase

PICTURE = "rate.png"
Rates = list[tuple[int, float]]


def planned_rates(phases: list[Phase], training: TrainingConfig) -> Rates:
    """The rate of each step, at most some thousand of them; a schedule that follows val's scores is taken to see no change.

    Raises:
        ConfigError: if the optimizer or the schedule is unknown.
    """
    return [rate for phase in phases for rate in _rates(phase, training)]


def draw_rates(rates: Rates, phases: list[Phase], run_folder: Path) -> None:
    """Write `rate.png` into the run folder."""
    from matplotlib.figure import Figure  # takes half a second

    figure = Figure(figsize=(7, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot([step for step, _ in rates], [rate for _, rate in rates], color="#1f6f8b", linewidth=1.6)
    for phase in phases[1:]:
        axes.axvline(phase.first, color="0.6", linewidth=0.8, linestyle="--")
        axes.annotate("the head alone", (phase.first, 0.97), (-6, 0), ("data", "axes fraction"), "offset points", ha="right", va="top")
    axes.set(xlabel="step", ylabel="planned learning rate", ylim=(0, None))
    axes.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    axes.spines[["top", "right"]].set_visible(False)
    picture = io.BytesIO()
    figure.savefig(picture, format="png", dpi=110)
    write_whole(run_folder / PICTURE, picture.getvalue())


def _rates(phase: Phase, training: TrainingConfig) -> Rates:
    stand_in = [nn.Parameter(torch.zeros(1, 1))]
    optimizer = build(
        OPTIMIZERS,
        training.optimizer,
        "optimizer",
        training.optimizer_params,
        groups=[{"params": stand_in, "weight_decay": 0.0}],
        lr=training.lr,
    )
    schedule = phase.schedule(optimizer, training)
    found, shown = [], max(1, phase.steps // 1000)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Detected call of `lr_scheduler.step", UserWarning)  # there is nothing to optimize here
        for step in range(phase.steps):
            if step % shown == 0:
                found.append((phase.first + step, float(optimizer.param_groups[0]["lr"])))
            if "monitor" not in schedule:
                schedule["scheduler"].step()
    return [*found, (phase.last, float(optimizer.param_groups[0]["lr"]))]
