"""Which windows go into which step: a pure function of the seed and the step, the same on any number of devices."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from components.errors import DataError

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Plan:
    """Draws an order of the clips and a window's place in each, anew every epoch.

    An epoch takes each clip at most once; what does not fill a whole step waits for another epoch's order. With weights an epoch is
    as long, and takes a clip as often as its share of the weights says, give or take one.

    Args:
        num_samples: [clip], the length of each training clip.
        length: of a window, in samples.
        batch_size: windows a step, on all devices together.
        seed: draws the same windows again.
        rank, world: which of how many devices this is; together they take what one would take alone.
        weights: [clip], how often each is drawn beside the others; None: all alike.
    Raises:
        DataError: if there are fewer clips than devices.
    """

    num_samples: Places
    length: int
    batch_size: int
    seed: int
    rank: int = 0
    world: int = 1
    weights: npt.NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        if len(self.num_samples) < self.world:
            raise DataError(f"{len(self.num_samples)} training clips are too few for {self.world} devices: give each at least one clip")

    @cached_property
    def share(self) -> int:
        """Windows that this device takes in a step: its share of the batch, or fewer where there are not so many clips."""
        return max(1, min(self.batch_size, len(self.num_samples)) // self.world)

    @cached_property
    def steps_per_epoch(self) -> int:
        return len(self.num_samples) // (self.share * self.world)

    def windows(self, steps: range) -> Iterator[tuple[Places, Places]]:
        """For each step this device's windows: the clips' places [window] and the first sample of each [window]."""
        drawn = None
        for step in steps:
            epoch, place = divmod(step, self.steps_per_epoch)
            if epoch != drawn:
                drawn, (order, starts) = epoch, self._draw(epoch)
            first = (place * self.world + self.rank) * self.share
            yield order[first : first + self.share], starts[first : first + self.share]

    def _draw(self, epoch: int) -> tuple[Places, Places]:
        """An order of all clips [clip], and a window's first sample in each, in that order."""
        rng = np.random.default_rng([self.seed, epoch])
        order = rng.permutation(len(self.num_samples)) if self.weights is None else rng.permutation(_drawn(self.weights, rng))
        slack = np.maximum(self.num_samples[order] - self.length, 0)
        return order, rng.integers(0, slack, endpoint=True)


def _drawn(weights: npt.NDArray[np.float64], rng: np.random.Generator) -> Places:
    """As many places as there are weights, each as often as its weight says, rounded up or down by one draw (systematic resampling)."""
    ends = np.cumsum(weights / weights.sum())
    marks = (rng.random() + np.arange(len(weights))) / len(weights)
    return np.minimum(np.searchsorted(ends, marks, side="right"), len(weights) - 1)  # rounding may leave the last end below the last mark
