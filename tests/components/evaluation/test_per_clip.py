import numpy as np
import pytest

from components.evaluation.per_clip import per_clip
from components.evaluation.plots import histograms, two_by_two
from components.evaluation.plots.theme import render
from components.evaluation.predictions import Predicted
from tests.fixtures.judgements import make_judgement


def predicted(targets: list[list[int]], decisions: list[list[int]], mask: list[list[int]]) -> Predicted:
    truth, said, known = (np.array(rows, bool) for rows in (targets, decisions, mask))
    return Predicted(said.astype(float), truth & known, known, said, np.array([str(place) for place in range(len(said))]))


def test_known_numbers() -> None:
    found = per_clip(
        predicted(
            [[1, 1, 0], [0, 0, 0], [1, 0, 0], [1, 1, 1]],
            [[1, 0, 1], [0, 0, 0], [0, 0, 1], [1, 1, 1]],
            [[1, 1, 1]] * 2 + [[1, 1, 0], [0, 0, 0]],
        )
    )
    assert found["f1"].tolist() == pytest.approx([0.5, np.nan, 0.0, np.nan], nan_ok=True)
    assert found["precision"].tolist() == pytest.approx([0.5, np.nan, np.nan, np.nan], nan_ok=True)
    assert found["recall"].tolist() == pytest.approx([0.5, np.nan, 0.0, np.nan], nan_ok=True)
    assert found["accuracy"].tolist() == pytest.approx([1 / 3, 1.0, 0.5, np.nan], nan_ok=True)


def test_the_mean_accuracy_over_clips_is_the_accuracy() -> None:
    judgement = make_judgement(worst=1)
    assert per_clip(judgement.predicted)["accuracy"].mean() == pytest.approx(judgement.metrics.values["accuracy"])


def test_histograms_hold_every_clip() -> None:
    judgement = make_judgement(worst=1)
    drawn = histograms.draw(judgement)
    assert [axes.get_title("left") for axes in drawn.axes] == ["F1", "precision", "recall", "accuracy"]
    assert sum(bar.get_height() for bar in drawn.axes[3].patches) == 120
    assert render(drawn).startswith(b"\x89PNG")


def test_tables_hold_the_four_counts() -> None:
    judgement = make_judgement(worst=1)
    drawn, predicted = two_by_two.draw(judgement), judgement.predicted
    counts = [int(text.get_text().replace(",", "")) for text in drawn.axes[0].texts]
    truth, said = predicted.targets[:, 0], predicted.decisions[:, 0]
    assert counts == [(truth & said).sum(), (truth & ~said).sum(), (~truth & said).sum(), (~truth & ~said).sum()]
    assert render(drawn).startswith(b"\x89PNG")
