"""All pictures of a judgement, by name, with words for those who cannot see them."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from components.evaluation.judgement import Judgement
from components.evaluation.names import display_name
from components.evaluation.table import number

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Picture:
    """A figure that is drawn when it is asked for."""

    name: str
    alt: str
    draw: "Callable[[], Figure]"

    def png(self) -> bytes:
        from components.evaluation.plots.theme import render

        return render(self.draw(), "png")

    def svg(self) -> bytes:
        from components.evaluation.plots.theme import render

        return render(self.draw(), "svg")


def pictures(judgement: Judgement, history: pd.DataFrame | None = None) -> list[Picture]:
    """The pictures that the judgement has data for; without a history there are no training curves."""
    from components.evaluation.plots import calibration, instruments, mistakes, precision_recall, roc, training

    table = judgement.metrics.per_label
    error = f"expected calibration error {judgement.metrics.values['calibration_error']:.3f}"
    made = [
        Picture("instruments", _each(table, "f1", "F1 of each label"), lambda: instruments.draw(judgement.metrics)),
        Picture("mistakes", "Map of missed labels against falsely reported ones, with counts", lambda: mistakes.draw(judgement)),
        Picture("precision_recall", _each(table, "average_precision", "Precision-recall curves, average precision"),
                lambda: precision_recall.draw(judgement)),
        Picture("roc", _each(table, "roc_auc", "ROC curves, area under the curve"), lambda: roc.draw(judgement)),
        Picture("calibration", f"Share of true labels over the score; {error}",
                lambda: calibration.draw(judgement)),
    ]  # fmt: skip
    if history is not None and not history.empty:
        alt = f"Training loss, metrics on val and learning rate over {history['step'].iloc[-1]:,} steps"
        made.append(Picture("training", alt, lambda: training.draw(history)))
    return made


def slim_instruments(judgement: Judgement) -> Picture:
    """The bars again, for a telephone's width."""
    from components.evaluation.plots import instruments, theme

    return Picture("instruments_slim", "F1 of each label", lambda: instruments.draw(judgement.metrics, theme.SLIM_IN))


def _each(table: pd.DataFrame, column: str, what: str) -> str:
    named = zip(table["full_name"], table[column], strict=True)
    return f"{what}: {', '.join(f'{display_name(name)} {number(value)}' for name, value in named)}"
