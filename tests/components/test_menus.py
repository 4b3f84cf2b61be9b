import pytest

from components.errors import ConfigError
from components.menus import build, canonical, choose


def square(side: float, scale: float = 1.0) -> float:
    return side * side * scale


MENU = {"SQUARE": square}


@pytest.mark.parametrize("name", ["SQUARE", "square", " Square "])
def test_a_name_is_matched_without_case(name: str) -> None:
    assert choose(MENU, name, "shape") is square


def test_dashes_and_underscores_are_alike() -> None:
    assert canonical("convnext-tiny") == canonical("CONVNEXT_TINY") == "CONVNEXT_TINY"


def test_an_unknown_name_prints_the_menu_and_the_nearest() -> None:
    with pytest.raises(ConfigError, match=r"unknown shape 'squar' \(did you mean 'SQUARE'\?\); choose one of: SQUARE"):
        choose(MENU, "squar", "shape")


def test_build_takes_the_users_parameters_over_the_context() -> None:
    assert build(MENU, "square", "shape", {"scale": 2.0}, side=3.0, unused=1) == 18.0


def test_an_unknown_parameter_lists_the_known_ones() -> None:
    with pytest.raises(ConfigError, match=r"shape SQUARE has no parameter 'scal' \(did you mean 'scale'\?\); it takes: scale"):
        build(MENU, "square", "shape", {"scal": 2.0}, side=3.0)
