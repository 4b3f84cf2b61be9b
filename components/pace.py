"""How far a training is, for whoever follows it from outside: a small JSON file, written whole each time."""

import json
import math
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from components.files import write_whole

ASKED = "TIMBRE_PROGRESS"  # names the file, in the environment of a process that someone follows


@dataclass(frozen=True)
class Pace:
    """A moment of a training.

    Args:
        step, steps: optimizer steps taken, and in the whole training.
        epoch, epochs: passes over the clips begun, and in the whole training.
        metrics: of the latest validation: train_loss, val_f1, val_map, lr.
    """

    step: int
    steps: int
    epoch: int
    epochs: int
    metrics: dict[str, float]


Report = Callable[[Pace], None]
"""Is told of a training's pace every few seconds, and at its end."""


@dataclass(frozen=True)
class PaceFile:
    """Writes each pace into a file, with the name of the run folder and the checkpoint that the training went on from.

    It can be pickled, as one of several devices does the telling.
    """

    path: Path
    run: str
    ckpt: str | None = None

    def __call__(self, pace: Pace | None) -> None:
        """Write it; without a pace, the run alone."""
        told = {} if pace is None else asdict(pace)
        if pace is not None:
            told["metrics"] = {key: value for key, value in pace.metrics.items() if math.isfinite(value)}
        write_whole(self.path, json.dumps({"run": self.run, "ckpt": self.ckpt, **told}).encode())


def tell_where(run: str) -> None:
    """Say where a training runs that is not this process's own, where someone follows this process: the address of its run."""
    if path := os.environ.get(ASKED):
        with suppress(OSError):  # the run goes on without
            PaceFile(Path(path), run)(None)


def asked_for(run_folder: Path, ckpt: str | None) -> PaceFile | None:
    """What to tell of a training in a run folder, where someone follows this process; the run is told at once."""
    if not (path := os.environ.get(ASKED)):
        return None
    file = PaceFile(Path(path), run_folder.name, ckpt)
    file(None)
    return file
