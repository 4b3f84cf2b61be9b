"""The job that a training is: its worker's, or one that is entered for a training by hand."""

import contextlib
import logging
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain, repeat
from pathlib import Path

from components.errors import RegistryError, TimbreError
from components.pace import ASKED
from components.registry import Registry
from components.registry.errors import LostLease
from components.registry.job import CANCELLED, FAILED, SUCCEEDED, Job, lies_elsewhere
from components.registry.jobs import Jobs
from components.signals import Stopped
from components.who import who
from timbre.job_folder import JobFolder, read_pace, tell_digest
from timbre.lifeline import hold_on
from timbre.pacing import LEASE_S

log = logging.getLogger(__name__)
JOB = "TIMBRE_JOB"  # the id of the job, in the environment of a training that a worker started
BEAT_S = 10.0
PRESS_S = 15.0  # between one Ctrl+C and another, where two did not end a cancelled training


@dataclass(frozen=True)
class Record:
    """What a training knows of the job that it is: its id, and where it tells how it goes; nothing where there is none."""

    job_id: str | None = None
    pace_file: Path | None = None

    def made(self, digest: str) -> None:
        """Say which tagger came of it."""
        if self.pace_file is not None:
            tell_digest(self.pace_file, digest)


@contextmanager
def recorded(config: str, database_url: str | None = None, followed: bool = True) -> Iterator[Record]:
    """Around a training: the job that a worker runs it for, or a new one by hand, which ends as the training does.

    A registry that is away keeps no training from running.

    Args:
        config: the name of what is trained.
        database_url: of the registry that its tagger goes into; this process's own where none.
        followed: whether this process knows when the training ends; without that there is no job by hand, as nobody would end it.
    """
    if job_id := os.environ.get(JOB):
        hold_on()
        yield Record(job_id, Path(os.environ[ASKED]))
        return
    with contextlib.ExitStack() as stack:
        kept = _Kept.begin(config, database_url) if followed else None
        if kept is None:
            yield Record()
            return
        stack.callback(kept.close)
        state, error = SUCCEEDED, None
        try:
            yield Record(kept.job.id, kept.folder.pace_file)
        except BaseException as stop:
            state, error = _verdict(stop)
            if state == CANCELLED and kept.elsewhere():
                error = "nobody waits for it any more: it goes on where `run` says, unless it is ended there"
            raise
        finally:
            kept.end(state, error)


class _Kept:
    """A job by hand, whose heart beats in a thread."""

    def __init__(self, jobs: Jobs, job: Job) -> None:
        self.job, self.folder = job, JobFolder(job.id)
        self._jobs, self._token, self._ended = jobs, str(job.token), threading.Event()
        self._asked = os.environ.get(ASKED)
        os.environ[ASKED] = str(self.folder.pace_file)
        self._thread = threading.Thread(target=self._beat, daemon=True, name="job")
        self._thread.start()

    @classmethod
    def begin(cls, config: str, database_url: str | None) -> "_Kept | None":
        try:
            jobs = Jobs(Registry(database_url).database)
            job = jobs.begin(config, who(), LEASE_S)
            try:
                JobFolder(job.id).make()
            except OSError as error:
                log.warning("job %s: nobody can follow this training: %s", job.id, error)
                jobs.finish(str(job.token), FAILED, error=f"it goes on, and cannot be followed: {error.strerror or error}")
                return None
            return cls(jobs, job)
        except (RegistryError, OSError) as error:
            log.debug("this training is not in the list of jobs: %s", error)
            return None

    def elsewhere(self) -> bool:
        """Whether it is no run of this process."""
        return lies_elsewhere(read_pace(self.folder.pace_file).get("run"))

    def end(self, state: str, error: str | None) -> None:
        self._ended.set()
        self._thread.join()
        try:
            digest = read_pace(self.folder.pace_file).get("digest")
            model_id = self._jobs.model_id(digest) if digest else None
            self._jobs.finish(self._token, state, model_id=model_id, error=error, pulse=self.folder.pulse())
        except RegistryError as lost:
            log.warning("the registry cannot be told that job %s is %s: %s", self.job.id, state, lost)

    def close(self) -> None:
        self._jobs.database.close()
        if self._asked is None:
            os.environ.pop(ASKED, None)
        else:
            os.environ[ASKED] = self._asked

    def _beat(self) -> None:
        while not self._ended.wait(BEAT_S):
            try:
                job = self._jobs.heartbeat(self._token, LEASE_S, self.folder.pulse())
            except LostLease as error:
                log.warning("job %s: %s", self.job.id, error)
                return
            except RegistryError as error:
                log.debug("job %s: %s", self.job.id, error)  # a later beat makes up for it
                continue
            if job.cancel_requested:
                log.warning("this training was cancelled in the registry")
                self._interrupt()
                return

    def _interrupt(self) -> None:
        """Ctrl+C twice, as it stops a training at once, and again for as long as the training goes on."""
        for pause_s in chain((1.0,), repeat(PRESS_S)):
            os.kill(os.getpid(), signal.SIGINT)
            if self._ended.wait(pause_s):
                return


def _verdict(stop: BaseException) -> tuple[str, str | None]:
    """The state and the sentence of a training that ended so."""
    if isinstance(stop, KeyboardInterrupt | Stopped):
        return CANCELLED, None
    cause: BaseException | None = stop
    while cause is not None and not isinstance(cause, TimbreError):
        cause = cause.__cause__
    return FAILED, str(cause or f"{type(stop).__name__}: {stop}")
