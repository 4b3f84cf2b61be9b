"""Nested values by dotted keys, as YAML files and overrides have them."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from components.errors import ConfigError


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
        ConfigError: if a string has no value, or one that is not YAML.
    """
    if isinstance(overrides, Mapping):
        return list(overrides.items())
    pairs = []
    for text in overrides:
        key, equals, value = text.partition("=")
        if not equals:
            raise ConfigError(f"override {text!r} has no value: write section.key=value")
        try:
            pairs.append((key.strip(), yaml.safe_load(value)))
        except yaml.YAMLError:
            raise ConfigError(f"override {text!r} has a value that is not YAML: quote it") from None
    return pairs


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
