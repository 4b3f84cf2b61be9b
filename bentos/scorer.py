"""The process that scores for one process that takes requests, so that neither holds Python's lock while the other needs it.

They share a socket. Its owner sends the config once, which is answered by UP once it can score; then, for each batch, the tagger's digest,
the length and scale of each clip, and the samples as they are. The answer is a pair: "scored" with the scores of each clip, or "refused" or
"broken" with a sentence. Where the socket ends, so does the process.
"""

import contextlib
import logging
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from bentos.config import MIB, ServiceConfig
from bentos.log import set_up_logging
from bentos.processes import settle
from components.audio import Clip16
from components.errors import TaggerError, TimbreError
from components.memory import give_back, keep_freed

if TYPE_CHECKING:  # what takes a second to load is loaded where it is used, so that the owner can start the process before anything else
    from bentos.scoring import OpenTaggers
    from components.tagger import ClipScores

log = logging.getLogger("timbre.service")
UP = "up"
STOP_S = 5.0
# How long a batch may take until its process counts as hung: to open the largest tagger on a busy machine, and twice the audio's own length
# at 16 kHz, where a slow core takes a tenth of it.
OPEN_S, SAMPLES_PER_S = 180.0, 8_000
# A stop is its owner's to hear, which may have requests to end; the socket's end is what stops it.
PROGRAM = """import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
from bentos.scorer import main
main(int(sys.argv[1]))"""
LARGE_BYTES = 16 * MIB  # of samples in a batch, after which free memory is given back


class Scorer:
    """The owner's side; one thread has batches scored. A process that was lost is replaced at the next batch, or look at it."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None
        self._lock = threading.Lock()
        self._up = False  # it has said that it can score

    def score(self, digest: str, clips: Sequence[Clip16]) -> "list[ClipScores]":
        """The scores of each clip, in order.

        Raises:
            TaggerError: if the tagger cannot be opened.
            RuntimeError: if the process fails, is lost, or hangs.
        """
        with self._lock:
            return self._score(digest, clips)

    def is_up(self) -> bool:
        """Whether the process can score. From any thread: a batch that is at work is not waited for."""
        if not self._lock.acquire(blocking=False):
            return self._up
        try:
            line = self.start()
            if not self._up and line.poll():
                self._up = line.recv() == UP
            return self._up
        except (EOFError, OSError):  # it ended as soon as it was there
            return False
        finally:
            self._lock.release()

    def _score(self, digest: str, clips: Sequence[Clip16]) -> "list[ClipScores]":
        from components.tagger import ClipScores

        patience_s = OPEN_S + sum(len(clip.samples) for clip in clips) / SAMPLES_PER_S
        clock = threading.Timer(patience_s, self.kill)  # its end ends whatever waits for it here, to write or to read
        clock.daemon = True
        clock.start()
        try:
            line = self.start()
            self._up = self._up or line.recv() == UP
            line.send((digest, [(len(clip.samples), clip.scale) for clip in clips]))
            for clip in clips:
                line.send_bytes(np.ascontiguousarray(clip.samples).view(np.uint8).data)
            kind, said = line.recv()
        except (EOFError, OSError):
            hung = clock.finished.is_set()
            self.close()
            how = f"did not answer within {patience_s:.0f} s and was ended" if hung else "was lost in the middle of a batch"
            raise RuntimeError(f"the process that scores {how}; the next one finds another") from None
        except BaseException:  # what is still under way on the line would be taken for the next batch's answer
            self.kill()
            self.close()
            raise
        finally:
            clock.cancel()
        if kind == "refused":
            raise TaggerError(said)
        if kind == "broken":
            raise RuntimeError(said)
        return [ClipScores(*one) for one in said]

    def start(self) -> Connection:
        """Have the process run, without waiting until it is ready."""
        if self._line is not None and self._process is not None and self._process.poll() is None:
            return self._line
        self.close()
        ours, theirs = socket.socketpair()
        with theirs:
            path = os.pathsep.join(filter(None, [str(Path(__file__).parents[1]), os.environ.get("PYTHONPATH", "")]))
            self._process = subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                env={**os.environ, "PYTHONPATH": path},
                start_new_session=True,
            )
        self._line = Connection(ours.detach())
        self._line.send(self._config)
        return self._line

    def kill(self) -> None:
        """End the process at once, from any thread; a batch that is at work is lost."""
        if (process := self._process) is not None:
            process.kill()

    def close(self) -> None:
        """End the process."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._line = self._process = None
        self._up = False


def main(number: int) -> None:
    """The process's side."""
    import torch

    import components.tagger.tagger  # noqa: F401 - before it says that it is up
    from bentos.catalogue import Catalogue
    from bentos.scoring import OpenTaggers
    from components.registry import Registry

    set_up_logging()
    keep_freed()
    line = Connection(number)
    with contextlib.suppress(EOFError, OSError):  # the owner is gone, and so is the work
        config: ServiceConfig = line.recv()
        torch.set_num_threads(max(1, torch.get_num_threads() // config.num_workers))
        taggers = OpenTaggers(Catalogue(Registry(), config.model_dir).folder, config.device, config.models_mib * MIB)
        settle()
        line.send(UP)
        while True:
            digest, shapes = line.recv()
            clips = [_receive(line, length, scale) for length, scale in shapes]
            line.send(_answer(taggers, digest, clips, config.batch_size))
            large = sum(clip.samples.nbytes for clip in clips) >= LARGE_BYTES
            del clips
            if large:
                give_back()


def _receive(line: Connection, length: int, scale: float) -> Clip16:
    samples = np.empty(length, np.int16)
    line.recv_bytes_into(samples.view(np.uint8).data)
    return Clip16(samples, scale)


def _answer(taggers: "OpenTaggers", digest: str, clips: Sequence[Clip16], batch_size: int) -> tuple[str, object]:
    try:
        scores = taggers.get(digest).score_clips(clips, batch_size)
        return "scored", [(one.windows, one.starts_s, one.clip, one.embedding) for one in scores]
    except TimbreError as error:
        return "refused", str(error)
    except Exception as error:
        log.exception("a batch of tagger %s could not be scored", digest[:8])
        return "broken", f"{type(error).__name__}: {error}"
