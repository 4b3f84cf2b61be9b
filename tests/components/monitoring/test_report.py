import re

from components.config import DriftConfig
from components.monitoring.drift import drift
from components.monitoring.report import Watched, report
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


def test_too_little_data_is_a_page_too() -> None:
    made = page(logged(0, seed=2))
    assert "<h1>Too little data: 0 different clips in the period" in made
    assert "<svg" not in made


def test_names_from_outside_are_text() -> None:
    reference, now = draw(150, seed=1), logged(300, seed=2)
    made = report(drift(reference, now, LABELS, CONFIG), reference, now, LABELS, Watched("<script>", "ab" * 32), CONFIG)
    assert "<script>" not in made
