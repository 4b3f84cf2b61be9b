"""The process of a training job, from its worker's side: started in a group of its own, kept alive word by word, stopped in steps."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from components.pace import ASKED
from components.registry.job import Job
from timbre.job_folder import JobFolder
from timbre.lifeline import line
from timbre.record import JOB

AGAIN_S = 1.0  # between the two presses of Ctrl+C that stop a training at once
KILL_S = 5.0
LOOK_S = 0.1


class Child:
    """`timbre train` for a job.

    Args:
        config: the file of its configuration.
        until: the moment of `time.monotonic()` at which it ends itself, where nobody moves it.
    Raises:
        OSError: if it cannot be started, or has no place to write.
    """

    def __init__(self, job: Job, config: Path, folder: JobFolder, until: float) -> None:
        folder.make()
        resumed = folder.resume_from()
        overrides = [*job.overrides, *([] if resumed is None else [f"training.ckpt={resumed}"])]
        settings = [word for text in overrides for word in ("--set", text)]
        told = {JOB: job.id, ASKED: str(folder.pace_file), "ZENML_LOGGING_COLORS_DISABLED": "true", "PYTHONUNBUFFERED": "1"}
        with folder.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "timbre", "train", "--config", str(config), *settings],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, **told},
                start_new_session=True,
            )
        self.until = until
        self.let_live(until)

    @property
    def code(self) -> int | None:
        """How it ended; None while it runs."""
        return self._process.poll()

    @property
    def outlived(self) -> bool:
        """Whether its time is over."""
        return time.monotonic() >= self.until

    def let_live(self, until: float) -> None:
        """Move the moment at which it ends."""
        self.until = until
        with contextlib.suppress(BrokenPipeError):
            os.write(self._process.stdin.fileno(), line(until))  # type: ignore[union-attr]

    def wait(self, seconds: float, stop: threading.Event | None = None) -> int | None:
        """Its code, once it has ended, the time is over or `stop` is set."""
        ends = time.monotonic() + seconds
        while self.code is None and (left := ends - time.monotonic()) > 0 and not (stop and stop.is_set()):
            time.sleep(min(LOOK_S, left))
        return self.code

    def stop(self, grace_s: float) -> None:
        """As a person does by Ctrl+C twice, which leaves nothing half written; harder where that does not help."""
        for number, after_s in ((signal.SIGINT, AGAIN_S), (signal.SIGINT, grace_s), (signal.SIGTERM, KILL_S)):
            if self.code is None:
                self._process.send_signal(number)
                self.wait(after_s)
        self.kill()

    def kill(self) -> None:
        """End it and all that it started."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._process.stdin.close()  # type: ignore[union-attr]
