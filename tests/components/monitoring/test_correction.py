import pytest

from components.monitoring.correction import corrected, holm
from components.monitoring.verdict import Area, Check


def check(area: Area, p: float, effect: float = 1.0) -> Check:
    return Check(area, "x", "x", "test", 0.0, 1.0, "", effect, 0.5, p)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.5, 0.9]) == [1.0, 1.0]
    assert holm([]) == []


def test_an_area_with_one_test_is_not_drowned_by_one_with_many() -> None:
    made = corrected([check("embedding", 0.01), *[check("scores", 0.01)] * 20], 0.025)
    assert [one.sure for one in made if one.area == "embedding"] == pytest.approx([0.02])
    assert [one.found for one in made if one.area == "embedding"] == [True]
    assert {one.sure for one in made if one.area == "scores"} == {0.4}


def test_what_is_sure_but_small_is_no_find() -> None:
    assert not corrected([check("input", 1e-9, effect=0.4)], 0.025)[0].found
    assert corrected([check("input", 1e-9, effect=-0.6)], 0.025)[0].found
