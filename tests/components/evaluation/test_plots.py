import io
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from matplotlib.image import imread
from matplotlib.text import Text
from sklearn.metrics import auc, average_precision_score, roc_auc_score

from components.evaluation import plots
from components.evaluation.judgement import Judgement
from components.evaluation.pictures import pictures, slim_instruments
from components.evaluation.plots import calibration, curves, importance, mistakes, training, two_by_two
from components.evaluation.plots.theme import INK, render
from components.evaluation.predictions import Predicted
from components.labels import OPENMIC
from tests.fixtures.judgements import make_judgement

NAMES = ["instruments", "mistakes", "precision_recall", "roc", "calibration", "training"]


def one_label(scores, targets) -> Predicted:
    column = np.array(scores, float)[:, None]
    true = np.array(targets, bool)[:, None]
    return Predicted(column, true, np.ones_like(true), column >= 0.5, np.arange(len(true)).astype(str))


def test_every_picture_is_drawn_with_words_for_those_who_cannot_see_it(judgement, history):
    made = pictures(judgement, history)
    assert [picture.name for picture in made] == NAMES
    for picture in [*made, slim_instruments(judgement)]:
        image = imread(io.BytesIO(picture.png()), format="png")
        assert image.shape[1] >= 600
        assert 0.005 < (image[..., :3].min(axis=2) < 0.9).mean() < 0.5, picture.name
        assert len(picture.alt) > 15
    assert "cello 0.58" in made[0].alt


def test_the_same_judgement_gives_the_same_bytes(judgement):
    first, again = pictures(judgement)[0], pictures(judgement)[0]
    assert first.svg() == again.svg()
    assert first.png() == again.png()


def test_twenty_labels_without_support_for_some_are_drawn():
    judgement = make_judgement(40, seed=3, labels=OPENMIC, worst=1)
    judgement.predictions["labels"] = [
        [code for code in codes if code not in ("banjo", "voice")] for codes in judgement.predictions["labels"]
    ]
    for picture in pictures(Judgement(**vars(judgement))):
        assert picture.png().startswith(b"\x89PNG")


def test_curves_have_the_areas_of_scikit_learn():
    rng = np.random.default_rng(0)
    targets = rng.random(300) < 0.3
    scores = np.round(np.clip(0.3 * targets + rng.random(300) * 0.7, 0, 1), 2)
    predicted = one_label(scores, targets)
    found, ranked = curves.roc(predicted, 0), curves.precision_recall(predicted, 0)
    assert auc(found.x, found.y) == pytest.approx(roc_auc_score(targets, scores))
    assert (np.diff(ranked.x) * ranked.y[1:]).sum() == pytest.approx(average_precision_score(targets, scores))
    assert ranked.chance.tolist() == pytest.approx([targets.mean()] * 2)
    assert len(found.thinned().x) <= curves.MOST_POINTS


def test_clips_that_are_all_alike_have_no_curve():
    assert curves.roc(one_label([0.1, 0.9], [1, 1]), 0) is None
    assert curves.precision_recall(one_label([0.1, 0.9], [0, 0]), 0) is None


def test_reliability_by_hand():
    counts, mean, share = calibration.reliability(one_label([0.05, 0.95, 0.95, 1.0], [0, 1, 0, 1]))
    assert counts.tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 3]
    assert [mean[0], mean[9], share[0], share[9]] == pytest.approx([0.05, 2.9 / 3, 0, 2 / 3])
    assert np.isnan(share[4])
    low, high = calibration.wilson(np.array([0.5]), np.array([10]))
    assert [low[0], high[0]] == pytest.approx([0.2366, 0.7634], abs=1e-4)


def test_a_history_of_one_row_is_drawn(history):
    assert render(training.draw(history.head(1))).startswith(b"\x89PNG")


def test_the_weightiest_key_is_on_top():
    drawn = importance.draw({"training.lr": 0.1, "model.head": 0.7, "training.batch_size": 0.2}, 12)
    axes = drawn.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["training.lr", "training.batch_size", "model.head"]
    assert [text.get_text() for text in axes.texts] == ["10%", "20%", "70%"]
    assert 0.005 < (imread(io.BytesIO(render(drawn)), format="png")[..., :3].min(axis=2) < 0.9).mean() < 0.5


def contrast(one: np.ndarray, other: np.ndarray) -> float:
    """WCAG's contrast of two colours [3], 0 to 1."""
    light, dark = sorted((0.05 + luminance(one), 0.05 + luminance(other)), reverse=True)
    return light / dark


def luminance(colour: np.ndarray) -> float:
    return float(np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4) @ [0.2126, 0.7152, 0.0722])


def pages() -> list[dict[str, np.ndarray]]:
    """The colours of the report by their names, light and dark."""
    style = Path(plots.__file__).parents[1].joinpath("report.css").read_text()
    return [{name: np.array(to_rgb(code)) for name, code in re.findall(r"--(\w+): (#\w{6});", part)} for part in style.split("@media")[:2]]


@pytest.mark.parametrize("clips", [13, 120, 600])
def test_numbers_in_the_map_of_mistakes_can_be_read_on_a_light_page_and_on_a_dark_one(clips):
    axes = mistakes.draw(make_judgement(clips)).axes[0]
    image = axes.images[0]
    fills = image.cmap(image.norm(image.get_array()))
    inside = [text for text in axes.texts if max(text.get_position()) < len(fills) - 1]
    assert inside
    for text in inside:
        column, row = text.get_position()
        *fill, alpha = fills[row, column]
        for page in pages():
            ink = page["ink"] if text.get_color() == INK else np.array(to_rgb(text.get_color()))
            assert contrast(ink, alpha * np.array(fill) + (1 - alpha) * page["paper"]) >= 4.5, (text, page)


def test_numbers_in_the_tables_of_two_by_two_can_be_read():
    for colours in (two_by_two.RIGHT, two_by_two.WRONG):
        fills = colours(np.linspace(0, 1, 101))
        assert min(contrast(np.array(to_rgb(INK)), alpha * np.array(fill) + 1 - alpha) for *fill, alpha in fills) >= 4.5


def test_nothing_crosses_what_the_calibration_plot_says(judgement):
    drawn = calibration.draw(judgement)
    drawn.draw_without_rendering()
    axes, ink = drawn.axes[0], drawn.canvas.get_renderer()
    said = [text for text in axes.findobj(Text) if "than the score says" in text.get_text()]
    assert len(said) == 2
    for text in said:
        assert not text.get_window_extent(ink).overlaps(axes.get_window_extent(ink)), text
        assert not any(text.get_window_extent(ink).overlaps(one.get_window_extent(ink)) for one in [*axes.lines, *drawn.axes[1].texts])
