"""The devices of one training: a process each, of which the first judges, decides and writes for all."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import torch.distributed as dist

T = TypeVar("T")


def _never() -> bool:
    return False


@dataclass(frozen=True, eq=False)
class Team:
    """A process's place among those that train together; one that trains alone is first and last.

    Args:
        rank: which of them this is.
        world: how many there are.
        group: over which they agree; on the CPU, so that no GPU waits for it.
        asked_to_end: on the first: whether the person who started them wants them to end.
    """

    rank: int = 0
    world: int = 1
    group: Any = None
    asked_to_end: Callable[[], bool] = _never

    @property
    def first(self) -> bool:
        return self.rank == 0

    def from_first(self, make: Callable[[], T]) -> T:
        """What `make` gives on the first, on all of them; the others do not call it and wait for as long as it takes."""
        if self.world == 1:
            return make()
        box: list[Any] = [make() if self.first else None]
        dist.broadcast_object_list(box, src=0, group=self.group)
        made: T = box[0]
        return made

    def gather(self, own: T) -> list[T]:
        """On the first what each has, by rank; elsewhere nothing."""
        if self.world == 1:
            return [own]
        found: list[Any] | None = [None] * self.world if self.first else None
        dist.gather_object(own, found, dst=0, group=self.group)
        return found or []


ALONE = Team()
