import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from components.labels import from_codes
from components.monitoring.drift import drift
from components.monitoring.pictures import pictures
from components.monitoring.plots.over_time import ends
from components.watch_config import DriftConfig
from tests.fixtures.logs import draw, logged

LABELS = from_codes(["bell", "drum", "reed", "harp", "horn"])
RATES = (0.5, 0.2, 0.05, 0.95, 0.3)


def drawn(name: str, span_s: float = 200, **columns: float) -> Figure:
    """The picture of a period from one minute and 55 s before midnight on, in which some numbers are always the same."""
    reference, now = (make(200, seed=seed, labels=LABELS, rates=RATES).assign(**columns) for seed, make in enumerate((draw, logged)))
    now["at"] = pd.Timestamp("2026-11-30 23:58:05.1", tz="UTC") + pd.to_timedelta(np.linspace(0, span_s, len(now)), unit="s")
    verdict = drift(reference, now, LABELS, DriftConfig())
    made = next(picture for picture in pictures(reference, now, verdict) if picture.name == name).draw()
    made.draw_without_rendering()
    return made


@pytest.mark.parametrize(
    ("until", "told"),
    [
        ("2026-11-30 08:16:05.9", ("30 Nov 08:16:05", "")),
        ("2026-11-30 08:16:50", ("30 Nov 08:16:05", "08:16:50")),
        ("2026-11-30 11:20", ("30 Nov 08:16", "11:20")),
        ("2026-12-01 07:20", ("30 Nov 08:16", "07:20")),
        ("2026-12-02 07:20", ("30 Nov 08:16", "02 Dec 07:20")),
        ("2026-12-30 07:20", ("30 Nov", "30 Dec")),
        ("2027-11-30 08:20", ("30 Nov 2026", "30 Nov 2027")),
    ],
)
def test_the_ends_of_a_period_are_told_apart(until: str, told: tuple[str, str]) -> None:
    assert ends(pd.Timestamp("2026-11-30 08:16:05.1"), pd.Timestamp(until)) == told


@pytest.mark.parametrize("span_s", [0.4, 200, 80_000, 250_000, 1e7, 4e7])
def test_the_lowest_panel_of_each_column_has_its_times_and_they_do_not_overlap(span_s: float) -> None:
    made = drawn("over_time", span_s)
    shown = [axes for axes in made.axes if axes.get_visible()]
    assert len(shown) == len(LABELS)
    for axes in shown[1:]:
        start, end = axes.get_xticklabels()
        assert start.get_visible(), axes.get_title(loc="left")
        assert start.get_text() != end.get_text()
        assert start.get_window_extent().x1 + 5 < end.get_window_extent().x0 or not end.get_text()


@pytest.mark.parametrize(
    ("title", "column", "value", "axis"),
    [
        ("silent share", "silent_share", 0.0, (0, 0.5)),
        ("silent share", "silent_share", 1.0, (0.5, 1)),
        ("clipped share", "clipped_share", 0.0, (0, 0.5)),
        ("duration, s", "duration_s", 0.25, (0, 0.75)),
        ("loudness, LUFS", "loudness_lufs", 0.25, (-0.25, 0.75)),
    ],
)
def test_no_axis_leaves_what_its_number_can_be(title: str, column: str, value: float, axis: tuple[float, float]) -> None:
    panel = next(axes for axes in drawn("inputs", **{column: value}).axes if axes.get_title(loc="left") == title)
    assert panel.get_xlim() == pytest.approx(axis)


def test_shares_that_vary_have_no_axis_below_0_and_scores_one_from_0_to_1() -> None:
    panel = next(axes for axes in drawn("inputs").axes if axes.get_title(loc="left") == "silent share")
    low, high = panel.get_xlim()
    assert low == 0
    assert 0.2 < high < 1
    assert {axes.get_xlim() for axes in drawn("scores").axes if axes.get_visible()} == {(0, 1)}
