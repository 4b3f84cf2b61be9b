"""`--aug-kwargs stretch_factors=0.9,1.1 freq_mask_param=50`: parameters of augmentations by their own names."""

import inspect
import logging
from collections.abc import Callable, Mapping, Sequence
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import TypeAdapter, ValidationError

from components.augmentations.contract import Augmentation
from components.config import AugmentationConfig
from components.errors import ConfigError
from components.menus import canonical, nearest

log = logging.getLogger(__name__)
Menu = Mapping[str, Callable[..., Augmentation]]
CONTEXT = ("sample_rate", "frame_s")  # known from the run, not a user's to set


def override_params(chosen: Sequence[AugmentationConfig], texts: Sequence[str], menu: Menu) -> list[AugmentationConfig]:
    """Set parameters in every chosen augmentation that has one of that name.

    A parameter of an augmentation that is on the menu but not chosen is left out, with a line in the log.

    Args:
        texts: `name=value`; several values are separated by commas.
        menu: name -> builder; the types are read from its signature, annotations first, then defaults.
    Raises:
        ConfigError: if a text has no value, a name is unknown (it lists the known) or a value is of the wrong type.
    """
    known = {name: parameters(builder) for name, builder in menu.items()}
    found: dict[str, dict[str, Any]] = {}
    for text in texts:
        key, equals, value = (part.strip() for part in text.partition("="))
        key = key.replace("-", "_")
        if not (equals and value):
            raise ConfigError(f"--aug-kwargs: {text!r} has no value: write name=value, or name=low,high where there are two")
        owners = [name for name, its in known.items() if key in its]
        if not owners:
            every = sorted({parameter for its in known.values() for parameter in its})
            raise ConfigError(f"--aug-kwargs: unknown name {key!r}{nearest(key, every)}; known: {', '.join(every)}")
        for name in owners:
            found.setdefault(name, {})[key] = _read(key, value, known[name][key])
        if not set(owners) & {canonical(one.name) for one in chosen}:
            log.info("--aug-kwargs: %s belongs to %s, which this run does not use", key, " and ".join(owners))
    return [one.model_copy(update={"params": {**one.params, **found.get(canonical(one.name), {})}}) for one in chosen]


def parameters(builder: Callable[..., Augmentation]) -> dict[str, inspect.Parameter]:
    """The parameters that a user may set, by name."""
    return {name: one for name, one in inspect.signature(builder, eval_str=True).parameters.items() if name not in CONTEXT}


def _read(key: str, text: str, parameter: inspect.Parameter) -> Any:
    wanted = _wanted(parameter)
    try:
        return TypeAdapter(wanted).validate_python([part.strip() for part in text.split(",")] if _several(wanted) else text)
    except ValidationError as error:
        name = str(wanted) if get_origin(wanted) else wanted.__name__
        said = error.errors()[0]["msg"]
        raise ConfigError(f"--aug-kwargs: {key}={text} is not {name}: {said[0].lower()}{said[1:]}") from None


def _wanted(parameter: inspect.Parameter) -> Any:
    """The type that a parameter is annotated with or, where that says nothing, the type of its default."""
    default = parameter.default
    if parameter.annotation not in (Any, inspect.Parameter.empty):
        return parameter.annotation
    if isinstance(default, tuple | list):
        return list[str] if all(isinstance(value, str) for value in default) else list[float]
    return Any if default in (None, inspect.Parameter.empty) else type(default)


def _several(wanted: Any) -> bool:
    if get_origin(wanted) in (Union, UnionType):
        return any(map(_several, get_args(wanted)))
    return get_origin(wanted) in (tuple, list, Sequence)
