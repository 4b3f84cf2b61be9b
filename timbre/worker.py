"""A worker: takes training jobs from the queue, one at a time, and runs each as a process of its own."""

import logging
import os
import socket
import threading
import time
from collections.abc import Callable

from components.errors import RegistryError, TimbreError
from components.registry.errors import LostLease
from components.registry.job import CANCELLED, FAILED, SUCCEEDED, Job
from components.registry.job_request import config_file
from components.registry.jobs import Jobs
from timbre.child import Child
from timbre.job_folder import JobFolder, read_pace
from timbre.pacing import Pacing

log = logging.getLogger(__name__)
PATIENCE_S = 600.0  # for a database that is away when a job has ended


class Worker:
    """Works until `stop` is set; the job under way then goes back into the queue."""

    def __init__(self, jobs: Jobs, pacing: Pacing = Pacing()) -> None:  # noqa: B008 - frozen
        self.stop = threading.Event()
        self._jobs, self._pacing = jobs, pacing
        self._name = f"{socket.gethostname()}:{os.getpid()}"

    def run(self, once: bool = False) -> None:
        """Take jobs as they come.

        Args:
            once: end when the queue is empty, or the database is away.
        Raises:
            RegistryError: if the database is away, and `once` is said.
        """
        while not self.stop.is_set():
            begun = time.monotonic()
            try:
                job = self._jobs.lease(self._name, self._pacing.lease_s)
            except RegistryError as error:
                if once:
                    raise
                log.warning("%s; trying again", error)
                job = None
            if job is not None:
                self._work(job, self._pacing.deadline(begun))
            elif once:
                return
            else:
                self.stop.wait(self._pacing.poll_s)

    def _work(self, job: Job, until: float) -> None:
        log.info("job %s: %s of %s, attempt %d", job.id, job.config, job.owner, job.attempts)
        folder = JobFolder(job.id)
        try:
            child = Child(job, config_file(job.config), folder, until)
        except (TimbreError, OSError) as error:
            log.warning("job %s: %s", job.id, error)
            self._end(job, folder, FAILED, _reason(error))
            return
        try:
            self._follow(job, child, folder)
        finally:
            child.kill()

    def _follow(self, job: Job, child: Child, folder: JobFolder) -> None:
        cancelled = False
        while child.wait(self._pacing.beat_s, self.stop) is None:
            begun = time.monotonic()
            try:
                cancelled = not self.stop.is_set() and self._beat(job, folder).cancel_requested
            except LostLease as error:
                log.warning("job %s: %s", job.id, error)
                return
            except RegistryError as error:
                log.warning("job %s: %s", job.id, error)
                if child.outlived:
                    break
                continue
            if cancelled or self.stop.is_set():
                child.stop(self._pacing.grace_s)
                break
            child.let_live(self._pacing.deadline(begun))
        if child.code == 0:
            self._end(job, folder, SUCCEEDED)
        elif cancelled:
            self._end(job, folder, CANCELLED)
        elif self.stop.is_set() or child.outlived:
            child.kill()
            self._say(job, lambda: self._jobs.release(str(job.token)))
        else:
            self._end(job, folder, FAILED, folder.error() or _last_words(child.code or 0))

    def _beat(self, job: Job, folder: JobFolder) -> Job:
        return self._jobs.heartbeat(str(job.token), self._pacing.lease_s, folder.pulse())

    def _end(self, job: Job, folder: JobFolder, state: str, error: str | None = None) -> None:
        def say() -> Job:
            digest = read_pace(folder.pace_file).get("digest")
            model_id = self._jobs.model_id(digest) if digest else None
            return self._jobs.finish(str(job.token), state, model_id=model_id, error=error, pulse=folder.pulse())

        self._say(job, say)

    def _say(self, job: Job, word: Callable[[], Job]) -> None:
        """Tell the database, which may be away for a while; a word that comes too late is one less."""
        ends = time.monotonic() + PATIENCE_S
        while True:
            try:
                told = word()
            except LostLease as error:
                log.warning("job %s: %s", job.id, error)
            except RegistryError as error:
                log.warning("job %s: %s", job.id, error)
                if time.monotonic() < ends and not self.stop.wait(self._pacing.poll_s):
                    continue
            else:
                log.info("job %s: %s", job.id, told.state if told.error is None else f"{told.state}: {told.error}")
            return


def _reason(error: TimbreError | OSError) -> str:
    """Why a training was not begun, in a sentence."""
    if isinstance(error, TimbreError):
        return str(error)
    where = f" at {error.filename}" if error.filename else ""
    return f"the training cannot be begun: {error.strerror or error}{where}; see its worker's disk, and who may write there"


def _last_words(code: int) -> str:
    how = f"was ended by signal {-code}" if code < 0 else f"ended with {code}"
    return f"the training {how} and did not say why: see the end of its log"
