"""The texts in a configuration, and which of them name files."""

from collections.abc import Iterator, Mapping
from typing import Any

AISFX = "aisfx"  # weights that lie under TIMBRE_MODELS or its mirror once they were fetched
SOURCES = ("none", "hub", AISFX)  # of model.pretrained that are no paths


def texts_in(value: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """(dotted key, text) of every text in nested values."""
    if isinstance(value, str):
        yield key, value
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            yield from texts_in(inner, f"{key}.{name}" if key else str(name))
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from texts_in(inner, key)


def looks_like_a_path(text: str) -> bool:
    """Whether a text is written like one: no name on a menu has a slash, or begins with ~ or a dot."""
    return bool(set(text) & set("/\\")) or text.startswith(("~", "."))
