"""Which names a model may have: people type them, and they stand before the @ of a key."""

from components.errors import RegistryError
from components.registry.keys import ALIASES

LONGEST = 100


def check(name: str) -> str:
    """The name itself.

    Raises:
        RegistryError: if it is empty, longer than 100 characters, an alias, or holds @, a slash or what cannot be printed.
    """
    if name in ALIASES:
        raise RegistryError(f"a model cannot be called {name!r}, which is an alias: choose another name")
    if not name.strip() or name != name.strip() or len(name) > LONGEST or not name.isprintable() or set(name) & set("@/\\"):
        rule = f"1 to {LONGEST} printable characters without @, / and \\, and no space at its ends"
        raise RegistryError(f"a model cannot be called {name[: LONGEST + 1]!r}: a name is {rule}")
    return name
