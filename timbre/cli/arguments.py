"""Options that take several values after one flag, as `--train-paths A B C`; click wants the flag before each of them.

| command | options with several values |
|---|---|
| train | --train-paths --val-paths --test-paths --augmentations --aug-kwargs |
| tune | --search |
| test, compare | --dataset-paths |
"""

from collections.abc import Sequence

SEVERAL = {
    "train": frozenset({"--train-paths", "--val-paths", "--test-paths", "--augmentations", "--aug-kwargs"}),
    "tune": frozenset({"--search"}),
    "test": frozenset({"--dataset-paths"}),
    "compare": frozenset({"--dataset-paths"}),
}


def spread(arguments: Sequence[str]) -> list[str]:
    """`train --train-paths A B` -> `train --train-paths A --train-paths B`; commands without such options stay as they are.

    In these commands a long option may have _ for - and a single dash, as in `-lr-warmup`. What follows `--` is left alone.
    """
    if not arguments or arguments[0] not in SEVERAL:
        return list(arguments)
    several, made = SEVERAL[arguments[0]], [arguments[0]]
    current, fresh = "", False  # the option that takes what follows, and whether it stands there already
    for place, argument in enumerate(arguments[1:], start=1):
        if argument == "--":
            return [*made, *arguments[place:]]
        if _is_option(argument):
            name, equals, value = argument.partition("=")
            name = f"--{name.lstrip('-').replace('_', '-')}" if len(name.strip("-")) > 1 else name
            current, fresh = (name, not equals) if name in several else ("", False)
            made.append(f"{name}{equals}{value}")
        else:
            made += [argument] if fresh or not current else [current, argument]
            fresh = False
    return made


def _is_option(argument: str) -> bool:
    """A dash and a letter; -3 is a number."""
    return argument.startswith("-") and argument.lstrip("-")[:1].isalpha()
