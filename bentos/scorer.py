"""The process that scores for one process that takes requests, so that neither holds Python's lock while the other needs it.

They share a socket. Its owner sends the config once; then, for each batch, the tagger's digest, the length and scale of each clip, and the
samples as they are. The answer is a pair: "scored" with the scores of each clip, or "refused" or "broken" with a sentence.
Where the socket ends, so does the process.
"""

import contextlib
import logging
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import torch

from bentos.catalogue import Catalogue
from bentos.config import MIB, ServiceConfig
from bentos.log import set_up_logging
from bentos.processes import settle
from bentos.scoring import OpenTaggers
from components.audio import Clip16
from components.errors import TaggerError, TimbreError
from components.memory import give_back, keep_freed
from components.registry import Registry
from components.tagger import ClipScores

log = logging.getLogger("timbre.service")
STOP_S = 5.0
# A stop is its owner's to hear, which may have requests to end; the socket's end is what stops it.
PROGRAM = """import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
from bentos.scorer import main
main(int(sys.argv[1]))"""
IDLE_S = 1.0  # after the last batch, until free memory is given back
LARGE_BYTES = 4 * MIB  # of samples in a batch, after which it is given back at once


class Scorer:
    """The owner's side; for one thread at a time. A process that was lost is replaced at the next batch."""

    def __init__(self, config: ServiceConfig) -> None:
        self._config = config
        self._process: subprocess.Popen[bytes] | None = None
        self._line: Connection | None = None

    def score(self, digest: str, clips: Sequence[Clip16]) -> list[ClipScores]:
        """The scores of each clip, in order.

        Raises:
            TaggerError: if the tagger cannot be opened.
            RuntimeError: if the process fails or is lost.
        """
        line = self.start()
        try:
            line.send((digest, [(len(clip.samples), clip.scale) for clip in clips]))
            for clip in clips:
                line.send_bytes(np.ascontiguousarray(clip.samples).view(np.uint8).data)
            kind, said = line.recv()
        except (EOFError, OSError):
            self.close()
            raise RuntimeError("the process that scores was lost in the middle of a batch; the next one finds another") from None
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


def main(number: int) -> None:
    """The process's side."""
    set_up_logging()
    keep_freed()
    line = Connection(number)
    with contextlib.suppress(EOFError, OSError):  # the owner is gone, and so is the work
        config: ServiceConfig = line.recv()
        torch.set_num_threads(max(1, torch.get_num_threads() // config.num_workers))
        taggers = OpenTaggers(Catalogue(Registry(), config.model_dir).folder, config.device, config.models_mib * MIB)
        settle()
        while True:
            if not line.poll(IDLE_S):
                give_back()
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


def _answer(taggers: OpenTaggers, digest: str, clips: Sequence[Clip16], batch_size: int) -> tuple[str, object]:
    try:
        scores = taggers.get(digest).score_clips(clips, batch_size)
        return "scored", [(one.windows, one.starts_s, one.clip, one.embedding) for one in scores]
    except TimbreError as error:
        return "refused", str(error)
    except Exception as error:
        log.exception("a batch of tagger %s could not be scored", digest[:8])
        return "broken", f"{type(error).__name__}: {error}"
