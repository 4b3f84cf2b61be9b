"""What training saw: the loss, the metrics on val with the best step marked, and the learning rate."""

import pandas as pd
from matplotlib.figure import Figure

from components.evaluation.plots.theme import INK, MAIN, MUTED, SECOND, SMALL_PT, THIRD, figure, tidy


def draw(history: pd.DataFrame) -> Figure:
    """Three charts over one axis of steps; the columns are step, train_loss, val_f1, val_map and lr."""
    drawn = figure(5.2)
    loss, metric, rate = drawn.subplots(3, 1, sharex=True, height_ratios=[3, 3, 1])
    step = history["step"]
    tidy(loss).plot(step, history["train_loss"], color=SECOND, linewidth=1.8)
    loss.set_ylim(0, 1.08 * history["train_loss"].max())
    loss.set_ylabel("training loss")
    tidy(metric)
    for column, name, colour, style in (("val_map", "mAP", THIRD, "--"), ("val_f1", "macro F1", MAIN, "-")):
        metric.plot(step, history[column], color=colour, linewidth=1.8, linestyle=style)
        metric.annotate(name, (step.iloc[-1], history[column].iloc[-1]), (6, 0), textcoords="offset points", va="center", fontsize=SMALL_PT,
                        color=colour, annotation_clip=False)  # fmt: skip
    best = int(history["val_f1"].to_numpy().argmax())
    at, height = step.iloc[best], history["val_f1"].iloc[best]
    metric.axvline(at, color=MUTED, linewidth=1, linestyle=":", zorder=0)
    metric.plot(at, height, marker="o", markersize=7, color=MAIN, markeredgecolor="white", markeredgewidth=1.2)
    metric.set_title(f"best: macro F1 {height:.2f} at step {at:,}", loc="right", fontsize=SMALL_PT, color=INK)  # above, where no line runs
    metric.set_ylabel("on val")
    tidy(rate).plot(step, history["lr"], color=MUTED, linewidth=1.4)
    rate.set_ylim(0, 1.15 * max(history["lr"].max(), 1e-12))
    rate.ticklabel_format(axis="y", style="sci", scilimits=(0, 0))
    rate.yaxis.get_offset_text().set(color=MUTED, fontsize=SMALL_PT)
    rate.set_ylabel("learning rate")
    rate.set_xlabel("step")
    return drawn
