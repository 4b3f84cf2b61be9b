"""Featurize: decode each clip of a manifest that the store does not have yet, and name the result."""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from components.audio import Clip16, load
from components.config import AudioConfig
from components.cores import cores
from components.datasets import BadClip, Manifest
from components.errors import AudioError, StoreError
from components.progress import Progress, quiet
from components.store.folder import Folder, limits_of, sentences
from components.store.ref import StoreRef
from components.store.shards import ShardWriter, locate

WAITING_BYTES = 64 * 2**20  # decoded clips that wait for a slow one before them


@dataclass(frozen=True)
class Built:
    """A view of the store and how it came about.

    Attributes:
        bad: clips that could not be decoded; they are not in the view.
        decoded: clips that were decoded now.
        reused: clips of the view that were there before, or share their content with another.
    """

    ref: StoreRef
    bad: list[BadClip]
    decoded: int
    reused: int


class _Job(NamedTuple):
    path: str
    sha256: str
    nbytes: int


def build_store(
    manifest: Manifest, audio: AudioConfig, root: Path | None = None, workers: int | None = None, progress: Progress = quiet
) -> Built:
    """Put every clip of the manifest into the store, on all cores; what is there already is not decoded again.

    It may be interrupted at any moment and run again, and several may run at once: what is finished counts, the rest is swept.

    Args:
        root: of the store; TIMBRE_STORE by default.
        workers: threads that decode; one a core by default.
    Raises:
        StoreError: if the disk is full or cannot be written.
    """
    folder = Folder.of(audio, root)
    with folder.in_use():
        jobs = _missing(manifest, audio, folder)
        failed = _decode(jobs, audio, folder, workers or cores(), progress)
        frame = manifest.frame
        is_bad = frame["sha256"].isin(list(failed))
        stored = Manifest(frame[~is_bad].reset_index(drop=True), manifest.label_set) if failed else manifest
        ref = StoreRef(uri=f"clips/{folder.path.name}", digest=_digest(stored, folder))
        with sentences(folder.path):
            stored.write(folder.view(ref.digest))
    bad = [BadClip(path, failed[sha256]) for path, sha256 in zip(frame["path"][is_bad], frame["sha256"][is_bad], strict=True)]
    decoded = len(jobs) - len(failed)
    return Built(ref, bad, decoded, len(stored) - decoded)


def _digest(stored: Manifest, folder: Folder) -> str:
    return hashlib.sha256(f"{folder.path.name}\n{stored.digest}".encode()).hexdigest()


def _missing(manifest: Manifest, audio: AudioConfig, folder: Folder) -> list[_Job]:
    """One job for each content that is not stored."""
    frame = manifest.frame
    stored = locate(folder, set(frame["sha256"]))
    todo = frame[~frame["sha256"].isin(list(stored))].drop_duplicates("sha256")
    return [
        _Job(path, sha256, int(duration_s * audio.sample_rate) * 2)
        for path, sha256, duration_s in zip(todo["path"], todo["sha256"], todo["duration_s"], strict=True)
    ]


def _decode(jobs: list[_Job], audio: AudioConfig, folder: Folder, workers: int, progress: Progress) -> dict[str, str]:
    """Decode into shards; sha256 -> reason of those that failed."""
    limits = limits_of(audio)

    def work(job: _Job) -> Clip16 | str:
        try:
            clip = load(job.path, audio.sample_rate, limits)  # first, as it refuses what would block
            return clip if _sha256(job.path) == job.sha256 else "has changed since it was listed: run validate again"
        except AudioError as error:
            return str(error).removeprefix(job.path).strip(" :")

    failed: dict[str, str] = {}
    writer = ShardWriter(folder)
    # Threads, not processes: libsndfile, soxr, hashing and writing let go of the interpreter's lock, two threads are as fast as two
    # processes here, and they start at once and hand clips over without copying.
    pool = ThreadPoolExecutor(workers, thread_name_prefix="featurize")
    try:
        for job, result in progress(_in_order(pool, work, jobs, workers), "featurize", len(jobs)):
            if isinstance(result, str):
                failed[job.sha256] = result
            else:
                writer.add(job.sha256, result)
    except StoreError:
        raise
    except BaseException:
        pool.shutdown(wait=True, cancel_futures=True)
        writer.flush()
        raise
    else:
        writer.flush()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
    return failed


def _in_order(
    pool: ThreadPoolExecutor, work: Callable[[_Job], Clip16 | str], jobs: Iterable[_Job], workers: int
) -> Iterator[tuple[_Job, Clip16 | str]]:
    """Results in the order of the jobs, with few enough under way that memory does not grow with their number."""
    waiting: deque[tuple[_Job, Future[Clip16 | str]]] = deque()
    waiting_bytes = 0
    for job in jobs:
        waiting.append((job, pool.submit(work, job)))
        waiting_bytes += job.nbytes
        while len(waiting) > 2 * workers and (waiting_bytes > WAITING_BYTES or len(waiting) > 16 * workers):
            done, future = waiting.popleft()
            waiting_bytes -= done.nbytes
            yield done, future.result()
    while waiting:
        done, future = waiting.popleft()
        yield done, future.result()


def _sha256(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise AudioError(f"cannot read {path}: {error.strerror}") from None
