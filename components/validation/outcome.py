"""What a suite found."""

from dataclasses import dataclass

from components.validation.gates import Gate


@dataclass(frozen=True)
class Outcome:
    """The gates that failed in one suite, and its Data Docs as HTML without head or scripts."""

    title: str
    failed: list[Gate]
    html: str
