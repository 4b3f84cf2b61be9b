"""Parameters of augmentations, checked where they come in: a wrong one is one sentence that names it."""

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from components.errors import ConfigError


def number(name: str, key: str, value: Any, above: float = -math.inf, low: float = -math.inf, high: float = math.inf) -> float:
    """`value` as a finite float above `above` and within `low` to `high`; YAML's `1e-3` is text, and is read as the number it is.

    Args:
        name: of the augmentation, for the error; `key` is the parameter's.
    Raises:
        ConfigError: if it is no number, or lies outside.
    """
    try:
        made = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        made = math.nan
    if not math.isfinite(made):
        raise ConfigError(f"{name}: {key} must be a number, got {value!r}: change it")
    if made <= above:
        raise ConfigError(f"{name}: {key} must be above {above:g}, got {made:g}: raise it or leave {name} out")
    if not low <= made <= high:
        allowed = f"be at most {high:g}" if low == -math.inf else f"lie within {low:g} to {high:g}"
        raise ConfigError(f"{name}: {key} must {allowed}, got {made:g}: change it")
    return made


def whole(name: str, key: str, value: Any, above: int = 0) -> int:
    """`value` as an int above `above`.

    Raises:
        ConfigError: if it is no whole number, or not above.
    """
    made = number(name, key, value, above=above)
    if made != int(made):
        raise ConfigError(f"{name}: {key} must be a whole number, got {made:g}: change it")
    return int(made)


def span(name: str, key: str, value: Any, low: float = -math.inf, high: float = math.inf) -> tuple[float, float]:
    """The lowest and the highest of what is drawn: two numbers that rise, or one that is both.

    Raises:
        ConfigError: if it is neither, or leaves `low` to `high`.
    """
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, Sequence):
        parts = (parts,)
    if not 1 <= len(parts) <= 2:
        refuse(name, key, "must be one number, or the lowest and the highest", value)
    ends = tuple(number(name, key, part, low=low, high=high) for part in parts)
    if ends[0] > ends[-1]:
        refuse(name, key, "must name the lowest first", value)
    return ends[0], ends[-1]


def refuse(name: str, key: str, rule: str, value: Any) -> NoReturn:
    """Raise the ConfigError that says which rule the parameter breaks."""
    raise ConfigError(f"{name}: {key} {rule}, got {value!r}: change it")
