"""A training job as it comes out of the registry: its states, the record, a page of records, and what of its log may be shown."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from components.registry.records import plain, rfc3339
from components.registry.tables import JobRow

QUEUED, RUNNING, SUCCEEDED, FAILED, CANCELLED = STATES = ("queued", "running", "succeeded", "failed", "cancelled")
ENDED = (SUCCEEDED, FAILED, CANCELLED)
TAIL_CHARACTERS = 16 * 1024
LONGEST_ERROR = 2000

# A folder's absolute path, up to the last part; a URL's own slashes are none.
_FOLDERS = re.compile(r"(?:(?<![\w./…])|(?<=sqlite:///))(?:/(?!/)|~/|[A-Za-z]:\\)(?:[^\s/\\'\"<>|,;()\[\]]+[/\\])+")
_COLOURS = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(frozen=True)
class Job:
    """A training job at the moment of asking.

    Args:
        config: the name of a file of configurations, or of the file that was trained by hand.
        overrides: `section.key=value`.
        by_hand: run by a person's `timbre train`; no worker takes it up.
        attempts: how often it was leased and not given back.
        token: of the lease, for who holds it; never shown.
        step, steps, epoch, epochs: how far it is and how far it goes; None until it trains.
        metrics: of the latest validation.
        run: the name of its run folder, or the address of a run elsewhere.
        log_tail: the last lines of its log, without the folders of this machine.
        model: `name@digest8` of what came of it.
    """

    id: str
    state: str
    config: str
    overrides: tuple[str, ...]
    owner: str
    by_hand: bool
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    attempts: int
    token: str | None
    lease_until: datetime | None
    cancel_requested: bool
    step: int | None
    steps: int | None
    epoch: int | None
    epochs: int | None
    metrics: dict[str, Any]
    run: str | None
    log_tail: str
    error: str | None
    model_id: str | None
    model: str | None = None

    def as_json(self, log: bool = True) -> dict[str, Any]:
        """The job under the names of the service's routes, with or without the end of its log; times are RFC 3339 in UTC."""
        shown = ("id", "state", "config", "owner", "by_hand", "attempts", "cancel_requested", "step", "steps", "epoch", "epochs")
        moments = {key: getattr(self, key) for key in ("created_at", "started_at", "finished_at")}
        return {
            **{key: getattr(self, key) for key in shown},
            "overrides": list(self.overrides),
            **{key: None if moment is None else rfc3339(moment) for key, moment in moments.items()},
            "metrics": self.metrics,
            "run": self.run,
            "error": self.error,
            "model_id": self.model_id,
            "model": self.model,
            **({"log_tail": self.log_tail} if log else {}),
        }


@dataclass(frozen=True)
class JobPage:
    """Some of the jobs that were asked for, the newest first, and how many there are in all."""

    items: tuple[Job, ...]
    total: int
    page: int
    page_size: int


@dataclass(frozen=True)
class Pulse:
    """What a heartbeat tells: how far the job is. What is None or empty stays as it was."""

    step: int | None = None
    steps: int | None = None
    epoch: int | None = None
    epochs: int | None = None
    metrics: dict[str, Any] | None = None
    run: str | None = None
    log_tail: str = ""

    def write(self, row: JobRow) -> None:
        for key in ("step", "steps", "epoch", "epochs"):
            if (value := getattr(self, key)) is not None:
                setattr(row, key, value)
        if self.metrics:
            row.metrics = plain(self.metrics)
        row.run = self.run[:300] if self.run else row.run
        row.log_tail = tail_of(self.log_tail) or row.log_tail


def job_of(row: JobRow, model: str | None) -> Job:
    """The record of a row; `model` is the key of its model."""
    columns = {name: getattr(row, name) for name in Job.__dataclass_fields__ if name != "model"}
    return Job(**{**columns, "overrides": tuple(row.overrides)}, model=model)


def tail_of(log: str) -> str:
    """The end of a log that may be shown: no colours, no folders of this machine, no half line at its start."""
    shown = without_folders(_COLOURS.sub("", str(plain(log)).replace("\r", "\n")))
    return shown if len(shown) <= TAIL_CHARACTERS else shown[-TAIL_CHARACTERS:].partition("\n")[2] or shown[-TAIL_CHARACTERS:]


def lies_elsewhere(run: str | None) -> bool:
    """Whether a job's `run` is the address of one on another machine; the name of a run folder holds no `://`."""
    return "://" in (run or "")


def without_folders(text: str) -> str:
    """`/home/ann/models/run/train.log` -> `…/train.log`."""
    return _FOLDERS.sub("…/", text)
