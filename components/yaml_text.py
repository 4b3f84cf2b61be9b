"""Nested values by dotted keys, as YAML files and overrides have them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.errors import ConfigError

DEEPEST = 20  # levels of an override, and sections of its key


def read_yaml(path: Path) -> dict[str, Any]:
    """The sections of a file.

    Raises:
        ConfigError: if it cannot be read, or is not a mapping in YAML.
    """
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise ConfigError(
            f"cannot read the configuration {path}: {error.strerror}; name a YAML file, or run it where that file is"
        ) from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not YAML: it is no UTF-8 text; name a YAML file") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        raise ConfigError(f"{path} is not YAML{at} ({getattr(error, 'problem', error)}): mend it, or name a YAML file") from None
    if not isinstance(values or {}, dict):
        raise ConfigError(f"{path} holds a {type(values).__name__}, not sections of keys: see configs/ for examples")
    return values or {}


def pairs_of(overrides: Sequence[str] | Mapping[str, Any]) -> list[tuple[str, Any]]:
    """(dotted key, value) of `section.key=value` strings, whose values are YAML, or of a mapping.

    Raises:
        ConfigError: if a string has no value, or one that is not YAML; if a value has anchors, tags or too many levels.
    """
    pairs = list(overrides.items()) if isinstance(overrides, Mapping) else [_pair_of(text) for text in overrides]
    for key, value in pairs:
        if key.count(".") >= DEEPEST or _is_deep(value, DEEPEST):
            raise ConfigError(f"override {_short(key)} has more than {DEEPEST} levels: write fewer")
    return pairs


def _pair_of(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigError(f"override {_short(text)} has no value: write section.key=value")
    try:
        return key.strip(), yaml.load(value, _Plain)  # noqa: S506 - a safe loader that takes less
    except _NotPlain as error:
        raise ConfigError(f"override {_short(text)} has {error}") from None
    except (yaml.YAMLError, ValueError):  # such as a date that no month has
        raise ConfigError(f"override {_short(text)} has a value that is not YAML: quote it") from None


class _NotPlain(yaml.YAMLError):
    """YAML that is none for an override."""


class _Plain(yaml.SafeLoader):
    """Takes nothing by which a short text means a huge value, or one that no walk gets through."""

    _depth = 0

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        event = self.peek_event()  # type: ignore[no-untyped-call]
        if event.anchor is not None or getattr(event, "tag", None) is not None:
            raise _NotPlain("an anchor, an alias or a tag: write the value out, or quote it")
        if self._depth >= DEEPEST:
            raise _NotPlain(f"more than {DEEPEST} levels: write fewer")
        self._depth += 1
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def _is_deep(value: Any, levels: int) -> bool:
    """Whether a value is nested in more levels than these."""
    inner = value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()
    return levels <= 0 or any(_is_deep(one, levels - 1) for one in inner)


def _short(text: str) -> str:
    return repr(text if len(text) <= 200 else f"{text[:200]}...")


def put(values: dict[str, Any], dotted: str, value: Any) -> None:
    """Set `section.key` in nested mappings; sections that are not there are made.

    Raises:
        ConfigError: if a section is a value.
    """
    *sections, key = dotted.split(".")
    for section in sections:
        inner = values.setdefault(section, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{dotted}: {section} is a value, not a section")
        values = inner
    values[key] = value
