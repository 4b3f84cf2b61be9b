from collections.abc import Mapping
from typing import Any, Literal

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


def typed(
    rows: int = 1,
    rate: float | None = None,
    widths: tuple[int, ...] = (),
    ends: tuple[float, float] = (0.0, 1.0),
    on: bool = False,
    where: str = "",
    size: Literal["small", "large"] = "small",
    options: Mapping[str, Any] | None = None,
    free: Any = None,
) -> dict[str, Any]:
    return locals()


@pytest.mark.parametrize(
    ("key", "given", "made"),
    [
        ("rows", 3, 3),
        ("rate", 2, 2.0),
        ("rate", "1e-3", 1e-3),  # so YAML has it
        ("rate", None, None),
        ("widths", [4, 8], (4, 8)),
        ("ends", [1, 2], (1.0, 2.0)),
        ("on", True, True),
        ("size", "large", "large"),
        ("options", {"a": 1}, {"a": 1}),
        ("free", [1, "b"], [1, "b"]),
    ],
)
def test_a_value_is_read_as_its_annotation_says(key: str, given: Any, made: Any) -> None:
    found = build({"TYPED": typed}, "typed", "part", {key: given})[key]
    assert (found, type(found)) == (made, type(made))


@pytest.mark.parametrize(
    ("key", "given", "said"),
    [
        ("rows", "many", "a whole number, got 'many'"),
        ("rows", 1.5, "a whole number, got 1.5"),
        ("rows", True, "a whole number, got True"),
        ("rate", "high", "a number or null, got 'high'"),
        ("rate", float("nan"), "a number or null, got nan"),
        ("widths", 4, "a list, each a whole number, got 4"),
        ("widths", ["a"], "a list, each a whole number, got ['a']"),
        ("ends", [1], "a list of a number, a number, got [1]"),
        ("on", "perhaps", "true or false, got 'perhaps'"),
        ("where", 3, "text, got 3"),
        ("size", "huge", "small or large, got 'huge'"),
        ("options", 3, "names with values or null, got 3"),
    ],
)
def test_a_value_of_another_type_is_one_sentence(key: str, given: Any, said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build({"TYPED": typed}, "typed", "part", {key: given})
    assert str(caught.value) == f"part TYPED: {key} must be {said}: change it"
