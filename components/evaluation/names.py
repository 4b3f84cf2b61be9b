"""Names and numbers as people write them."""


def plural(count: int, one: str, many: str = "") -> str:
    """`1 clip`, `2,400 clips`."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def listed(names: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def display_name(full_name: str) -> str:
    """`acoustic_guitar` as people write it."""
    return full_name.replace("_", " ")
