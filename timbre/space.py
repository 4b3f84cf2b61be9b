"""What `timbre tune` searches: keys of the Config, each with the values that it may have.

training.lr_onecycle_max: {log: [1e-4, 1e-2]}
training.batch_size: {choice: [16, 32]}
windows.length_s: {range: [2, 5], step: 0.5}
"""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from components.config import Config, refusal
from components.errors import ConfigError

SEARCHED = ("windows", "feature", "model", "training")
ALSO = ("audio.sample_rate",)
FIXED = ("training.metric", "training.metric_mode", "training.ckpt")  # what trials are compared by, and where they begin
KINDS = "{range: [LOW, HIGH]} (with step: STEP, if you like), {log: [LOW, HIGH]} or {choice: [A, B]}"


@dataclass(frozen=True)
class Axis:
    """The values of one key.

    Args:
        distribution: Optuna's; a choice that is no number, text or truth value stands there as JSON.
        choices: what Optuna calls a choice -> the choice.
    """

    distribution: BaseDistribution
    choices: Mapping[Any, Any]

    def value(self, drawn: Any) -> Any:
        """What the key gets where Optuna has drawn `drawn`."""
        return self.choices.get(drawn, drawn)


Space = dict[str, Axis]


def read_space(given: Sequence[str]) -> dict[str, Any]:
    """YAML files of keys and spaces, and `KEY=SPACE` texts, the later ones over the earlier.

    Raises:
        ConfigError: if a file or a text is not YAML, or there is nothing in them.
    """
    found: dict[str, Any] = {}
    for one in given:
        key, equals, text = one.partition("=")
        found |= {key.strip(): _yaml(text, f"--search {one}")} if equals and not Path(one).exists() else _read(Path(one))
    if not found:
        raise ConfigError(f"there is nothing to search: name a file or KEY=SPACE by --search, where a space is {KINDS}")
    return found


def space_of(raw: Mapping[str, Any]) -> Space:
    """Check keys and spaces.

    Raises:
        ConfigError: if a key is unknown or not to be searched, a space is none, or a value does not fit its key.
    """
    return {key: _axis(key, space) for key, space in raw.items()}


def _read(path: Path) -> dict[str, Any]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
        raise ConfigError(f"cannot read the search {path} ({said}): name a YAML file, or write KEY=SPACE") from None
    values = _yaml(text, str(path)) or {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} holds a {type(values).__name__}: write a line KEY: SPACE for each key, where a space is {KINDS}")
    return {str(key): space for key, space in values.items()}


def _yaml(text: str, where: str) -> Any:
    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        raise ConfigError(f"{where} is not YAML: write KEY=SPACE, where a space is {KINDS}") from None


def _axis(key: str, space: Any) -> Axis:
    if key.split(".")[0] not in Config.model_fields:
        raise ConfigError(f"search: {refusal(key, None)}")
    if key in FIXED or (key not in ALSO and (key.split(".")[0] not in SEARCHED or "." not in key)):
        raise ConfigError(
            f"search: {key} is the same in all trials, which could not be compared otherwise: search keys of {', '.join(SEARCHED)}, "
            f"or {', '.join(ALSO)}"
        )
    kinds = [kind for kind in ("range", "log", "choice") if isinstance(space, dict) and kind in space]
    if len(kinds) != 1 or set(space) - {*kinds, "step"} or ("step" in space and kinds != ["range"]):
        raise ConfigError(f"search: {key}: a space is {KINDS}, got {space!r}")
    (kind,) = kinds
    return _choice(key, space[kind]) if kind == "choice" else _between(key, kind, space[kind], space.get("step"))


def _choice(key: str, values: Any) -> Axis:
    if not isinstance(values, list) or not values:
        raise ConfigError(f"search: {key}: choice takes a list of one value or more, got {values!r}")
    _fit(key, values)
    called = {value if isinstance(value, str | int | float | None) else json.dumps(value): value for value in values}
    if len(called) < len(values):
        raise ConfigError(f"search: {key}: a choice stands twice in {values!r}: leave one of them out")
    return Axis(CategoricalDistribution(list(called)), called)


def _between(key: str, kind: str, bounds: Any, step: Any) -> Axis:
    numbers = [_number(key, one) for one in (bounds if isinstance(bounds, list) else [])]
    by = None if step is None else _number(key, step)
    if len(numbers) != 2 or numbers[0] >= numbers[1]:
        raise ConfigError(f"search: {key}: {kind} takes [LOW, HIGH], two numbers of which the first is less, got {bounds!r}")
    low, high = numbers
    if kind == "log" and low <= 0:
        raise ConfigError(f"search: {key}: log takes numbers above 0, got {low:g}: use range, or raise it")
    if by is not None and not 0 < by <= high - low:
        raise ConfigError(f"search: {key}: a step of {by:g} does not fit between {low:g} and {high:g}: give one that does")
    _fit(key, numbers)
    if by is not None:
        high = low + by * math.floor((high - low) / by + 1e-9)  # the last that a step reaches
    if all(isinstance(one, int) for one in (low, high, 1 if by is None else by)) and _whole(key, low):
        return Axis(IntDistribution(int(low), int(high), log=kind == "log", step=int(by or 1)), {})
    return Axis(FloatDistribution(low, high, log=kind == "log", step=by), {})


def _number(key: str, value: Any) -> float:
    try:
        return value if isinstance(value, int) and not isinstance(value, bool) else float(value)  # YAML reads 1e-4 as text
    except (TypeError, ValueError):
        raise ConfigError(f"search: {key}: {value!r} is no number: write a choice for what is none") from None


def _whole(key: str, low: float) -> bool:
    """Whether whole numbers are meant: the key takes no others, or is a part's own parameter, of which the Config knows nothing."""
    return "params." in key or refusal(key, low + 0.5) is not None


def _fit(key: str, values: Sequence[Any]) -> None:
    for value in values:
        if (said := refusal(key, value)) is not None:
            raise ConfigError(f"search: {said}")
