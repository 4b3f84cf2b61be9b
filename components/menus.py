"""Parts are chosen by name from plain dicts; a name that is on no menu prints the menu."""

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar

from components.errors import ConfigError

Part = TypeVar("Part")


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
        params: the user's keyword arguments; each must be in the builder's signature.
        context: arguments that the caller supplies; those that the builder does not take are dropped.
    Raises:
        ConfigError: if the name or a parameter is unknown; it lists what is known.
    """
    builder = choose(menu, name, what)
    known = inspect.signature(builder).parameters
    open_ended = any(parameter.kind is parameter.VAR_KEYWORD for parameter in known.values())
    settable = [key for key in known if key not in context and known[key].kind is not inspect.Parameter.VAR_KEYWORD]
    for key in params:
        if key not in settable and not open_ended:
            raise ConfigError(
                f"{what} {canonical(name)} has no parameter {key!r}{nearest(key, settable)}; it takes: {', '.join(settable) or 'none'}"
            )
    supplied = {key: value for key, value in context.items() if key in known or open_ended}
    return builder(**{**supplied, **params})


def nearest(name: str, known: Iterable[str]) -> str:
    """` (did you mean 'x'?)`, or nothing where no known name is near."""
    close = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
