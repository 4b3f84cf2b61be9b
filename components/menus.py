"""Parts are chosen by name from plain dicts; a name that is on no menu prints the menu."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from types import NoneType, UnionType
from typing import Any, Literal, TypeVar, Union, get_args, get_origin

from pydantic import ConfigDict, TypeAdapter, ValidationError

from components.errors import ConfigError

Part = TypeVar("Part")
WORDS: dict[Any, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    NoneType: "null",
    Mapping: "names with values",
}
READING = ConfigDict(allow_inf_nan=False, arbitrary_types_allowed=True)


def canonical(name: str) -> str:
    """The spelling used in a menu: upper case, with _ for - (`convnext-tiny` is `CONVNEXT_TINY`)."""
    return name.strip().upper().replace("-", "_")


def choose(menu: Mapping[str, Part], name: str, what: str) -> Part:
    """The part called `name`.

    Args:
        menu: canonical name -> part.
        name: as a user writes it; case, - and _ do not matter.
        what: what the menu holds, for the error ("model", "loss").
    Raises:
        ConfigError: if the name is unknown; it lists the menu and the nearest name.
    """
    if (key := canonical(name)) in menu:
        return menu[key]
    raise ConfigError(f"unknown {what} {name!r}{nearest(key, menu)}; choose one of: {', '.join(sorted(menu))}")


def build(menu: Mapping[str, Callable[..., Part]], name: str, what: str, params: Mapping[str, Any], **context: Any) -> Part:
    """Make the part called `name` with the user's parameters and what the caller knows.

    Args:
        params: the user's keyword arguments; each must be in the builder's signature and fit its annotation there. Values are read as
            Config reads its own: a list is a tuple, an int a float, and YAML's text `1e-3` the number that it is.
        context: arguments that the caller supplies; those that the builder does not take are dropped.
    Raises:
        ConfigError: if the name or a parameter is unknown (it lists what is known), or a value is of another type.
    """
    builder = choose(menu, name, what)
    known = inspect.signature(builder, eval_str=True).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    settable = [key for key in known if key not in context and known[key].kind is not inspect.Parameter.VAR_KEYWORD]
    for key in params:
        if key not in settable and not open_ended:
            raise ConfigError(
                f"{what} {canonical(name)} has no parameter {key!r}{nearest(key, settable)}; it takes: {', '.join(settable) or 'none'}"
            )
    supplied = {key: value for key, value in context.items() if key in known or open_ended}
    part = f"{what} {canonical(name)}"
    read = {key: _read(value, known[key].annotation, f"{part}: {key}") if key in known else value for key, value in params.items()}
    return builder(**{**supplied, **read})


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing where no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _read(value: Any, annotation: Any, where: str) -> Any:
    """The value as its annotation has it; what is annotated with Any, or not at all, is left as it is."""
    if annotation in (Any, inspect.Parameter.empty):
        return value
    try:
        made = TypeAdapter(annotation, config=READING).validate_python(value)
        if isinstance(made, bool) or not isinstance(value, bool):  # pydantic takes true for 1
            return made
    except ValidationError:
        pass
    raise ConfigError(f"{where} must be {_in_words(annotation)}, got {value!r}: change it")


def _in_words(annotation: Any) -> str:
    origin, inner = get_origin(annotation), get_args(annotation)
    if origin is Literal:
        return " or ".join(map(str, inner))
    if origin in (Union, UnionType):
        return " or ".join(map(_in_words, inner))
    if origin is tuple:
        return f"a list, each {_in_words(inner[0])}" if inner[-1] is ... else f"a list of {', '.join(map(_in_words, inner))}"
    return WORDS.get(origin or annotation, str(annotation))
