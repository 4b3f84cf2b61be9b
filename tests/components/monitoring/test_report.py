import re

import numpy as np
import pytest

from components.monitoring.drift import drift
from components.monitoring.report import Watched, report
from components.watch_config import DriftConfig
from tests.fixtures.logs import LABELS, draw, logged

CONFIG = DriftConfig()
WATCHED = Watched("sample", "ab12cd34" * 8)


def page(now, reference=None) -> str:
    reference = draw(150, seed=1) if reference is None else reference
    return report(drift(reference, now, LABELS, CONFIG), reference, now, LABELS, WATCHED, CONFIG)


def test_the_page_leads_with_the_sentence_and_then_names_the_labels() -> None:
    now = logged(300, seed=2, rates=(0.5, 0.6, 0.05))
    made = page(now)
    assert re.search(r"<h1>Drift: drum is found in \d+% of clips, \d+% before; chance alone", made)
    assert made.index("<h1>") < made.index("What changed") < made.index("Each label") < made.index("<svg")
    assert made.index('class="mark">drum</th>') < made.index(">bell</th>")
    assert made.count("<svg") == 6  # rates twice, over time, scores, inputs, map


def test_the_page_needs_nothing_else_and_repeats() -> None:
    now = logged(300, seed=2)
    made = page(now)
    assert not re.search(r'(?:src|href)="(?!#|data:)', made)
    assert made == page(now)


def reviewed(clips: int):
    """A period of which the first clips were reviewed, and a bell was heard in half of those alone that have one."""
    now, truth = logged(300, seed=2), draw(300, seed=2)
    known, heard = np.arange(300) < clips, np.arange(300) % 2 == 0
    for code in LABELS.codes:
        now[f"target_{code}"] = np.where(known, truth[f"target_{code}"] * (heard if code == "bell" else 1), np.nan)
    return now


def test_what_scores_mean_has_columns_where_enough_was_reviewed() -> None:
    made = page(reviewed(200), draw(800, seed=1))
    found = re.search(r"<p>Among clips of like score, bell is true in (\d+)%, (\d+)% before; ", made)
    assert found is not None
    assert f"<td>{found[2]}%</td><td>{found[1]}%</td>" in made
    assert made.count('<th scope="col">true ') == 2
    assert "Train again with the reviewed clips." in made


@pytest.mark.parametrize(("clips", "why"), [(0, "no clip of the period was reviewed"), (1, "known of 1 clip of the period, 50 are needed")])
def test_too_few_reviews_are_one_line(clips: int, why: str) -> None:
    made = page(reviewed(clips))
    assert made.count("calibration: ") == 1
    assert f"<dd>calibration: {why}</dd>" in made
    assert "true now" not in made


def test_too_little_data_is_a_page_too() -> None:
    made = page(logged(0, seed=2))
    assert "<h1>Too little data: 0 different clips in the period" in made
    assert "<svg" not in made


def test_names_from_outside_are_text() -> None:
    reference, now = draw(150, seed=1), logged(300, seed=2)
    made = report(drift(reference, now, LABELS, CONFIG), reference, now, LABELS, Watched("<script>", "ab" * 32), CONFIG)
    assert "<script>" not in made
