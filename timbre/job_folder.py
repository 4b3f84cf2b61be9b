"""What a training job leaves on the machine that runs it, under `.timbre/jobs/<id>/`: its log, and a file of its pace an attempt."""

import contextlib
import json
from functools import cached_property
from pathlib import Path
from typing import Any

from components.files import write_whole
from components.places import home, runs_root
from components.registry.job import TAIL_CHARACTERS, Pulse

TAGGER = "tagger.json"


class JobFolder:
    """The folder of one job; the process of the job is told the newest pace file by TIMBRE_PROGRESS."""

    def __init__(self, job_id: str) -> None:
        self.path = home() / "jobs" / job_id

    @property
    def log(self) -> Path:
        return self.path / "log.txt"

    def make(self) -> None:
        """Make the folder, before a process is told of it.

        Raises:
            OSError: if it cannot be made.
        """
        self.path.mkdir(parents=True, exist_ok=True)

    @cached_property
    def pace_file(self) -> Path:
        """The file of this attempt."""
        return self.path / f"pace-{len(self._paces()):04d}.json"

    def pulse(self) -> Pulse:
        """How far this attempt is, and the end of the log."""
        pace = read_pace(self.pace_file)
        figures = {key: pace.get(key) for key in ("step", "steps", "epoch", "epochs", "metrics", "run")}
        return Pulse(**figures, log_tail=self._tail(pace.get("run")))

    def error(self) -> str | None:
        """What the command said last, where it said why it failed."""
        said = [line.removeprefix("timbre: ") for line in _end_of(self.log).splitlines() if line.startswith("timbre: ")]
        return said[-1] if said else None

    def resume_from(self) -> str | None:
        """What `training.ckpt` has to be to go on where the last attempt was cut off; None where that is the beginning.

        An attempt whose tagger is sealed went on from what its pace file says: the same again finds the tagger in ZenML's cache.
        """
        from components.training.run_folder import LAST  # with torch, which a worker need not hold while it waits

        for path in reversed(self._paces()):
            pace = read_pace(path)
            if not (run := pace.get("run")):
                continue
            folder = runs_root() / run
            if any(folder.glob(f"*/{TAGGER}")):
                ckpt: str | None = pace.get("ckpt")
                return ckpt
            if (folder / LAST).is_file() and pace.get("step") != pace.get("steps"):  # a whole training has nothing to go on with
                return str(folder)
        return None

    def _paces(self) -> list[Path]:
        with contextlib.suppress(OSError):
            return sorted(self.path.glob("pace-*.json"))
        return []

    def _tail(self, run: str | None) -> str:
        return _end_of(self.log) or (_end_of(runs_root() / run / "train.log") if run else "")


def read_pace(path: Path) -> dict[str, Any]:
    """What a pace file tells; nothing where there is none yet, none that can be read, or none that a power cut left whole."""
    try:
        told = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) else {}


def tell_digest(path: Path, digest: str) -> None:
    """Add to a pace file which tagger came of the job."""
    write_whole(path, json.dumps({**read_pace(path), "digest": digest}).encode())


def _end_of(log: Path) -> str:
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - 4 * TAIL_CHARACTERS))
            return file.read().decode("utf-8", "replace")
    except OSError:
        return ""
