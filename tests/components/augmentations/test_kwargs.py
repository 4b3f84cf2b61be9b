from collections.abc import Sequence
from typing import Any, Literal

import pytest

from components.augmentations.kwargs import override_params
from components.config import AugmentationConfig
from components.errors import ConfigError


class Stretch:
    def __init__(self, sample_rate: int, stretch_factors: tuple[float, float] = (0.8, 1.2), steps: int = 4, loud: bool = False) -> None: ...


class Noise:
    def __init__(
        self, steps: int = 2, folder: str | None = None, bands: Sequence[int] | None = None, colour: Literal["pink"] = "pink"
    ) -> None: ...


class Untyped:
    def __init__(
        self, sample_rate: int, span_db: Any = (1.0, 2.0), colours: Any = ("white", "pink"), count: Any = 2, gain_db=6.0
    ) -> None: ...


MENU = {"STRETCH": Stretch, "NOISE": Noise, "UNTYPED": Untyped}
BOTH = [AugmentationConfig(name="stretch", params={"steps": 1}), AugmentationConfig(name="NOISE", probability=0.1)]


def overridden(*texts: str, chosen=BOTH) -> list[dict[str, object]]:
    return [one.params for one in override_params(chosen, texts, MENU)]


def test_values_take_the_types_of_the_parameters() -> None:
    assert overridden("stretch_factors=0.9,1.1", "loud=true") == [{"steps": 1, "stretch_factors": (0.9, 1.1), "loud": True}, {}]
    assert overridden("folder=a,b", "bands=1,2", "colour=pink")[1] == {"folder": "a,b", "bands": [1, 2], "colour": "pink"}


def test_without_annotations_the_defaults_tell_the_types() -> None:
    chosen = [AugmentationConfig(name="UNTYPED")]
    made = overridden("span_db=-3,4", "colours=brown", "count=7", "gain_db=1", chosen=chosen)
    assert made == [{"span_db": [-3.0, 4.0], "colours": ["brown"], "count": 7, "gain_db": 1.0}]


def test_a_name_that_two_have_reaches_both() -> None:
    assert overridden("steps=9") == [{"steps": 9}, {"steps": 9}]


def test_dashes_are_underscores_and_what_was_given_stays() -> None:
    made = override_params(BOTH, ["stretch-factors=1,2"], MENU)
    assert made[0].params == {"steps": 1, "stretch_factors": (1.0, 2.0)}
    assert made[1] == BOTH[1]
    assert BOTH[0].params == {"steps": 1}


def test_one_that_is_not_chosen_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        assert overridden("folder=x", chosen=BOTH[:1]) == [{"steps": 1}]
    assert "folder belongs to NOISE" in caplog.text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("stretch_factor=1,2", r"unknown name 'stretch_factor' \(did you mean 'stretch_factors'\?\); known: bands, .*stretch_factors"),
        ("sample_rate=3", r"unknown name 'sample_rate'"),
        ("steps=many", r"steps=many is not int"),
        ("steps=1.5", r"steps=1.5 is not int"),
        ("stretch_factors=1", r"stretch_factors=1 is not tuple\[float, float\]"),
        ("stretch_factors=a,b", r"stretch_factors=a,b is not"),
        ("colour=blue", r"colour=blue is not"),
        ("span_db=loud", r"span_db=loud is not list\[float\]"),
        ("count=1.5", r"count=1.5 is not int"),
        ("steps", r"'steps' has no value"),
        ("steps=", r"'steps=' has no value"),
    ],
)
def test_what_does_not_fit_is_one_sentence(text: str, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence) as caught:
        overridden(text)
    assert "\n" not in str(caught.value)
