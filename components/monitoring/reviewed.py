"""What people have said of served clips, as retraining and the shadow ask for it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol


@dataclass(frozen=True)
class LiveF1:
    """Macro F1 of a model on its reviewed clips, with its interval, 0 to 1, and on how many."""

    f1: float
    low: float
    high: float
    clips: int


@dataclass(frozen=True)
class ReviewedClip:
    """A clip whose labels a person has said.

    Attributes:
        content: BLAKE3 of the file's bytes.
        open: gives its audio, which the caller closes; an OSError where that is gone.
        codes: of the labels that are true.
        known: of the labels that the person was asked for; those that are not true are false.
    """

    content: str
    open: Callable[[], BinaryIO]
    codes: frozenset[str]
    known: frozenset[str]


class Reviews(Protocol):
    """The reviews of a registry."""

    def count_since(self, moment: datetime | None) -> int:
        """Reviewed clips whose audio may be trained on, of a time after the moment; of all time where there is none."""

    def live_f1(self, model: str) -> LiveF1 | None:
        """Of the model with a digest, of late; None where too few of its clips are reviewed."""

    def first_reviewed_since(self, moment: datetime) -> Iterator[ReviewedClip]:
        """Clips that nobody had reviewed at the moment, in the order of their reviews, once a content."""

    def export(self, folder: Path) -> Path:
        """Write every reviewed clip as a `csv:` data set into an empty folder, with paths that start there, all for training; the CSV."""
