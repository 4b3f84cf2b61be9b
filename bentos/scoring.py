"""Opened taggers by digest within a memory bound, and one batch after the other of the clips of all requests."""

import asyncio
import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bentos import metrics
from components.audio import Clip16
from components.tagger import ClipScores

if TYPE_CHECKING:
    from components.tagger import Tagger

log = logging.getLogger("timbre.service")
CLIPS_A_BATCH = 32  # more gain nothing, and a newcomer waits for those before it


class OpenTaggers:
    """The taggers that are open.

    Args:
        folder_of: where the tagger of a digest lies.
        device: cpu, cuda, cuda:1 or auto.
        most_bytes: of weight files that are kept open; the tagger in use stays whatever its size.
    """

    def __init__(self, folder_of: Callable[[str], Path], device: str, most_bytes: int) -> None:
        self._folder_of, self._device, self._most_bytes = folder_of, device, most_bytes
        self._open: OrderedDict[str, tuple[Tagger, int]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, digest: str) -> "Tagger":
        """The tagger, opened on first use after every byte of it was checked.

        Raises:
            TimbreError: if it is not there or damaged.
        """
        from components.tagger import Tagger  # torch, which the process that takes requests has no use for

        with self._lock:
            if digest in self._open:
                self._open.move_to_end(digest)
                return self._open[digest][0]
            folder = self._folder_of(digest)
            tagger = Tagger.open(folder, self._device, digest)
            self._open[digest] = tagger, sum(file.stat().st_size for file in folder.iterdir() if file.is_file())
            while len(self._open) > 1 and sum(size for _, size in self._open.values()) > self._most_bytes:
                closed, _ = self._open.popitem(last=False)
                log.info("tagger %s is closed: models_mib holds no more", closed[:8])
            return tagger


@dataclass(frozen=True, eq=False)
class _Job:
    """Clips of one request and where their scores go."""

    digest: str
    clips: Sequence[Clip16]
    answer: "asyncio.Future[list[ClipScores]]"


class Batches:
    """Scores what waits, in the order it came; clips of one tagger share a batch, whichever requests they are of.

    It never waits for company: more clips gather while a batch is at work, so batches grow with the load by themselves.

    Args:
        score: gives the scores of each clip by the tagger of a digest; called in one thread.
    """

    def __init__(self, score: Callable[[str, Sequence[Clip16]], list[ClipScores]]) -> None:
        self._score = score
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="timbre-score")
        self._waiting: deque[_Job] = deque()
        self._turns: asyncio.Task[None] | None = None

    def close(self) -> None:
        self._thread.shutdown(cancel_futures=True)

    async def score(self, digest: str, clips: Sequence[Clip16]) -> list[ClipScores]:
        """The scores of each clip, in order.

        Raises:
            TimbreError: if the tagger cannot be opened.
        """
        return await self._join(digest, clips)

    def _join(self, digest: str, clips: Sequence[Clip16]) -> "asyncio.Future[list[ClipScores]]":
        job = _Job(digest, clips, asyncio.get_running_loop().create_future())
        self._waiting.append(job)
        if self._turns is None or self._turns.done():
            self._turns = asyncio.create_task(self._work())
        return job.answer

    async def _work(self) -> None:
        """One batch after the other until nothing waits."""
        while jobs := self._next():
            scores = await self._try(jobs[0].digest, [clip for job in jobs for clip in job.clips])
            for job in jobs:
                outcome = scores if isinstance(scores, Exception) else [next(scores) for _ in job.clips]
                if job.answer.done():
                    continue  # its client left
                if isinstance(outcome, Exception):
                    job.answer.set_exception(outcome)
                else:
                    job.answer.set_result(outcome)

    async def _try(self, digest: str, clips: Sequence[Clip16]) -> Exception | Iterator[ClipScores]:
        metrics.BATCH.observe(len(clips))
        try:
            return iter(await asyncio.get_running_loop().run_in_executor(self._thread, self._score, digest, clips))
        except Exception as error:  # whoever asked has to hear of it
            return error

    def _next(self) -> list[_Job]:
        """The first that waits, and those right behind it that fit into the same batch."""
        jobs, clips = list[_Job](), 0
        while self._waiting:
            job = self._waiting[0]
            if not job.answer.done():
                if jobs and (job.digest != jobs[0].digest or clips + len(job.clips) > CLIPS_A_BATCH):
                    break
                jobs.append(job)
                clips += len(job.clips)
            self._waiting.popleft()
        return jobs
