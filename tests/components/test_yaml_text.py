"""What an override may be: a short text must not mean a huge value, nor one that nobody can walk through."""

import pytest

from components.errors import ConfigError
from components.overrides import as_texts
from components.yaml_text import pairs_of

BOMB = (
    "model.params={a: &a [1,1,1,1,1,1,1,1,1], "
    + ", ".join(f"{name}: &{name} [{','.join(['*' + before] * 9)}]" for before, name in zip("abcdefgh", "bcdefghi", strict=True))
    + "}"
)


def nested(levels: int) -> list[object]:
    value: list[object] = []
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    "text",
    [
        BOMB,
        "model.params={a: &a [1]}",
        *(f"model.params.a={'[' * levels}{']' * levels}" for levels in (30, 300, 600, 1900)),
        "model.params.a=" + "{a: " * 900 + "1" + "}" * 900,
        "model.params.a=" + "- " * 1900 + "1",
        "model.params" + ".a" * 1900 + "=1",
        "name=2024-99-99",
        "name=0b_",
        "name=!!timestamp x",
        "model.params={a: !!binary gIA=}",
        "name=[",
    ],
)
def test_a_text_that_means_too_much_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match="override"):
        pairs_of([text])


@pytest.mark.parametrize("levels", [30, 300, 600, 100_000])
def test_a_value_that_is_nested_too_deep_is_refused(levels: int) -> None:
    value = nested(levels)
    with pytest.raises(ConfigError, match="levels"):
        pairs_of({"model.params.a": value})
    with pytest.raises(ConfigError):
        pairs_of(as_texts({"model.params.a": value}))


def test_what_people_write_is_read() -> None:
    texts = ["training.lr=1e-4", "data.train=[a, 'b*&c']", "training.augmentations=[{name: NOISE, params: {a: {b: [1, {c: 2}]}}}]", "name="]
    assert [value for _, value in pairs_of(texts)] == [
        "1e-4",
        ["a", "b*&c"],
        [{"name": "NOISE", "params": {"a": {"b": [1, {"c": 2}]}}}],
        None,
    ]
    assert pairs_of(["model.params.a=" + "[" * 15 + "]" * 15]) == [("model.params.a", nested(14))]
